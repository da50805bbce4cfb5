"""HubSpot: contacts, notes on them, tickets. Its CRM API, version 3."""

from turnwise.tools.integrations.definition import (
    ConfigField,
    Credential,
    Integration,
    IntegrationTool,
    base_url,
    bearer,
    fixed,
    record,
    text,
)

_CONTACT = {
    "firstname": text("First name."),
    "lastname": text("Last name."),
    "phone": text("Phone number."),
    "company": text("Company."),
}


def _about_contact(kind: int) -> dict[str, object]:
    """Return what ties a new record to a contact, by HubSpot's number for that kind of tie."""
    tie = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}
    each = record(
        "to",
        to=record("id", id=text("The id of the contact.")),
        types=fixed([tie]),
    )
    return {"type": "array", "description": "The contact it is about, once.", "items": each}


HUBSPOT = Integration(
    integration_id="hubspot",
    name="HubSpot",
    description="Finds and keeps contacts, notes and tickets.",
    credentials=(
        Credential(
            credential_id="hubspot_access_token",
            name="Access token of a private app",
            fields=(
                ConfigField(name="access_token", description="Of a private app.", secret=True),
                base_url("https://api.hubapi.com"),
            ),
            authorise=bearer("access_token"),
        ),
    ),
    tools=(
        IntegrationTool(
            name="hubspot_find_contact",
            description="Finds a contact by e-mail address.",
            method="GET",
            path="/crm/v3/objects/contacts/{email}",
            path_params={"email": text("The contact's e-mail address.")},
            query={
                "idProperty": fixed("email"),
                "properties": fixed("firstname,lastname,email,phone,company,lifecyclestage"),
            },
        ),
        IntegrationTool(
            name="hubspot_create_contact",
            description="Keeps a new contact.",
            method="POST",
            path="/crm/v3/objects/contacts",
            body=record(
                "properties",
                properties=record("email", email=text("E-mail address."), **_CONTACT),
            ),
        ),
        IntegrationTool(
            name="hubspot_update_contact",
            description="Changes what is known of a contact.",
            method="PATCH",
            path="/crm/v3/objects/contacts/{contact_id}",
            path_params={"contact_id": text("The id of the contact.")},
            body=record("properties", properties=record(email=text("E-mail address."), **_CONTACT)),
        ),
        IntegrationTool(
            name="hubspot_create_note",
            description="Writes a note about a contact.",
            method="POST",
            path="/crm/v3/objects/notes",
            body=record(
                "properties",
                "associations",
                properties=record(
                    "hs_note_body",
                    hs_note_body=text("What is to be remembered."),
                    hs_timestamp={"type": "string", "dynamic_variable": "system__time_utc"},
                ),
                associations=_about_contact(202),
            ),
        ),
        IntegrationTool(
            name="hubspot_create_ticket",
            description="Opens a ticket for the support team.",
            method="POST",
            path="/crm/v3/objects/tickets",
            body=record(
                "properties",
                properties=record(
                    "subject",
                    "content",
                    subject=text("What it is about, in a few words."),
                    content=text("What the user needs."),
                    hs_ticket_priority=text("How urgent it is.", enum=["LOW", "MEDIUM", "HIGH"]),
                    hs_pipeline_stage=fixed("1"),
                ),
                associations=_about_contact(16),
            ),
        ),
    ),
)
