"""Salesforce: contacts, leads, cases. Its REST API; the account's own address is its base URL."""

from collections.abc import Mapping
from typing import Any

from turnwise.tools.integrations.definition import (
    ConfigField,
    Credential,
    Integration,
    IntegrationTool,
    bearer,
    fixed,
    record,
    text,
)

_DATA = "/services/data/v60.0"
_TOKEN = "/services/oauth2/token"  # noqa: S105  # a path
_CASE_ID = {"case_id": text("The id of the case.")}
_INSTANCE = ConfigField(
    name="base_url",
    description="Address of the account, such as https://acme.my.salesforce.com.",
)
_PRIORITY = text("How urgent it is.", enum=["Low", "Medium", "High"])
_PERSON = {
    "FirstName": text("First name."),
    "LastName": text("Last name."),
    "Email": text("E-mail address."),
    "Phone": text("Phone number."),
}


def _client(values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "auth_type": "oauth2_client_credentials",
        "client_id": values["client_id"],
        "client_secret": values["client_secret"],
        "token_url": values["base_url"].rstrip("/") + _TOKEN,
        "scopes": [],
    }


SALESFORCE = Integration(
    integration_id="salesforce",
    name="Salesforce",
    description="Looks up people and opens cases and leads.",
    credentials=(
        Credential(
            credential_id="salesforce_client_credentials",
            name="Client credentials of a connected app",
            fields=(
                _INSTANCE,
                ConfigField(name="client_id", description="Consumer key of the app."),
                ConfigField(
                    name="client_secret", description="Consumer secret of the app.", secret=True
                ),
            ),
            authorise=_client,
        ),
        Credential(
            credential_id="salesforce_access_token",
            name="Access token",
            fields=(
                _INSTANCE,
                ConfigField(name="access_token", description="A token that lasts.", secret=True),
            ),
            authorise=bearer("access_token"),
        ),
    ),
    tools=(
        IntegrationTool(
            name="salesforce_find_contact",
            description="Finds people by e-mail address, phone number or name.",
            method="GET",
            path=f"{_DATA}/parameterizedSearch",
            query={
                "q": text("E-mail address, phone number or name."),
                "sobject": fixed("Contact"),
                "Contact.fields": fixed("Id,Name,Email,Phone,AccountId"),
                "Contact.limit": fixed("5"),
            },
            required_query=("q",),
        ),
        IntegrationTool(
            name="salesforce_create_case",
            description="Opens a case for the support team.",
            method="POST",
            path=f"{_DATA}/sobjects/Case",
            body=record(
                "Subject",
                "Description",
                Subject=text("What it is about, in a few words."),
                Description=text("What the user needs."),
                Priority=_PRIORITY,
                ContactId=text("The id of the contact, if it is known."),
                SuppliedName=text("The user's name."),
                SuppliedEmail=text("The user's e-mail address."),
                SuppliedPhone=text("The user's phone number."),
                Origin=fixed("Phone"),
                Status=fixed("New"),
            ),
        ),
        IntegrationTool(
            name="salesforce_get_case",
            description="Looks up how a case stands.",
            method="GET",
            path=f"{_DATA}/sobjects/Case/{{case_id}}",
            path_params=_CASE_ID,
            query={"fields": fixed("CaseNumber,Subject,Status,Priority,Description,CreatedDate")},
        ),
        IntegrationTool(
            name="salesforce_update_case",
            description="Changes a case.",
            method="PATCH",
            path=f"{_DATA}/sobjects/Case/{{case_id}}",
            path_params=_CASE_ID,
            body=record(
                Status=text("How it stands, such as Working or Closed."),
                Priority=_PRIORITY,
                Description=text("What the user needs."),
            ),
        ),
        IntegrationTool(
            name="salesforce_create_lead",
            description="Keeps somebody who may become a customer.",
            method="POST",
            path=f"{_DATA}/sobjects/Lead",
            body=record(
                "LastName",
                "Company",
                Company=text("Company; for a private person its name."),
                Description=text("What the person is interested in."),
                LeadSource=fixed("Phone Inquiry"),
                **_PERSON,
            ),
        ),
    ),
)
