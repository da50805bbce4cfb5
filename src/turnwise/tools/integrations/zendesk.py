"""Zendesk: tickets, users, articles of the help centre. Its API, version 2."""

from collections.abc import Mapping
from typing import Any

from turnwise.tools.integrations.definition import (
    ConfigField,
    Credential,
    Integration,
    IntegrationTool,
    base_url,
    flag,
    record,
    text,
    whole,
)

_TICKET_ID = {"ticket_id": whole("The number of the ticket.")}
_PRIORITY = text("How urgent it is.", enum=["low", "normal", "high", "urgent"])


def _token(values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "auth_type": "basic_auth",
        "username": f"{values['email']}/token",
        "password": values["api_token"],
    }


ZENDESK = Integration(
    integration_id="zendesk",
    name="Zendesk",
    description="Opens, finds and answers support tickets.",
    credentials=(
        Credential(
            credential_id="zendesk_api_token",
            name="API token",
            fields=(
                ConfigField(
                    name="subdomain",
                    description="The acme of acme.zendesk.com.",
                    required=False,
                ),
                ConfigField(name="email", description="Of the agent whose token it is."),
                ConfigField(name="api_token", description="The token.", secret=True),
                base_url("https://{subdomain}.zendesk.com"),
            ),
            authorise=_token,
        ),
    ),
    tools=(
        IntegrationTool(
            name="zendesk_create_ticket",
            description="Opens a ticket for the support team.",
            method="POST",
            path="/api/v2/tickets.json",
            body=record(
                "ticket",
                ticket=record(
                    "subject",
                    "comment",
                    subject=text("What it is about, in a few words."),
                    comment=record("body", body=text("What the user needs.")),
                    requester=record(
                        "name",
                        "email",
                        name=text("The user's name."),
                        email=text("The user's e-mail address."),
                    ),
                    priority=_PRIORITY,
                ),
            ),
        ),
        IntegrationTool(
            name="zendesk_get_ticket",
            description="Looks up how a ticket stands.",
            method="GET",
            path="/api/v2/tickets/{ticket_id}.json",
            path_params=_TICKET_ID,
        ),
        IntegrationTool(
            name="zendesk_update_ticket",
            description="Adds a comment to a ticket, or changes how it stands.",
            method="PUT",
            path="/api/v2/tickets/{ticket_id}.json",
            path_params=_TICKET_ID,
            body=record(
                "ticket",
                ticket=record(
                    comment=record(
                        "body",
                        body=text("What is to be added."),
                        public=flag("Whether the user may read it."),
                    ),
                    status=text("How it stands.", enum=["open", "pending", "hold", "solved"]),
                    priority=_PRIORITY,
                ),
            ),
        ),
        IntegrationTool(
            name="zendesk_find_tickets",
            description="Finds tickets, such as those of a user: requester:ada@example.com.",
            method="GET",
            path="/api/v2/search.json",
            query={"query": text("Words, or terms such as status:open requester:EMAIL.")},
            required_query=("query",),
        ),
        IntegrationTool(
            name="zendesk_find_user",
            description="Finds users by e-mail address, phone number or name.",
            method="GET",
            path="/api/v2/users/search.json",
            query={"query": text("E-mail address, phone number or name.")},
            required_query=("query",),
        ),
        IntegrationTool(
            name="zendesk_search_articles",
            description="Searches the help centre.",
            method="GET",
            path="/api/v2/help_center/articles/search.json",
            query={"query": text("What the user wants to know.")},
            required_query=("query",),
        ),
    ),
)
