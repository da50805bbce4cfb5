"""`/v1/convai/api-integrations/{integration_id}`.

The published examples name these operations, but nothing publishes their answers: those are ours.
"""

from turnwise.api.api_integrations import documents
from turnwise.api.errors import Invalid, Malformed, NotFound, problem
from turnwise.api.sealing import vault_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.urls import url_problem
from turnwise.tools.integrations.catalogue import CONNECTION, INTEGRATIONS, filled, lacking
from turnwise.tools.integrations.definition import Credential, Integration

api_integrations = Slice()

_PATH = "/v1/convai/api-integrations/{integration_id}"


@api_integrations.serve(f"GET {_PATH}")
async def get_integration(call: Call) -> Answer:
    """Return how to connect to a service, and what it can do."""
    return documents.shown(_existing(call))


@api_integrations.serve(f"GET {_PATH}/tools")
async def list_integration_tools(call: Call) -> Answer:
    """Return what a service can do; a tool of an agent takes name and description from here."""
    return {"tools": documents.tools(_existing(call))}


@api_integrations.serve(f"POST {_PATH}/connections")
async def create_connection(call: Call) -> Answer:
    """Store how to connect to a service, what is secret of it sealed; it is not asked yet."""
    integration = _existing(call)
    credential = _checked(call, integration)
    document = documents.stored(integration, credential, call.filled(), vault_of(call.deps))
    async with call.deps.store.writing() as tx:
        record = await tx.records.create(
            CONNECTION, document, prefix="icxn_", name=document["name"]
        )
    return {"connection_id": record.record_id}


@api_integrations.serve(f"DELETE {_PATH}/connections/{{connection_id}}")
async def delete_connection(call: Call) -> Answer:
    """Forget a connection that no tool uses."""
    integration, connection_id = _existing(call), call.path["connection_id"]
    async with call.deps.store.writing() as tx:
        record = await tx.records.get(CONNECTION, connection_id, lock=True)
        if record is None or record.document["integration_id"] != integration.integration_id:
            raise NotFound(
                f"Integration connection with id {connection_id} not found.",
                code="integration_connection_not_found",
            )
        users = await tx.records.users_of(CONNECTION, connection_id)
        if users:
            raise Malformed(
                f"Integration connection with id {connection_id} is used by {len(users)} tools;"
                " delete them first."
            )
        await tx.records.delete(CONNECTION, connection_id)
    return {}


def _existing(call: Call) -> Integration:
    integration_id = call.path["integration_id"]
    integration = INTEGRATIONS.get(integration_id)
    if integration is None:
        known = ", ".join(sorted(INTEGRATIONS))
        raise NotFound(
            f"Integration {integration_id} not found; there are {known}.",
            code="integration_not_found",
        )
    return integration


def _checked(call: Call, integration: Integration) -> Credential:
    """Return the way to connect that a body names, with all that it needs."""
    credential = integration.credential(call.body["credential_id"])
    if credential is None:
        right = ", ".join(repr(each.credential_id) for each in integration.credentials)
        raise Invalid(
            [problem("enum", ["body", "credential_id"], f"Input should be one of {right}")]
        )
    at = ["body", "user_config_values"]
    given = call.body.get("user_config_values") or {}
    problems = [
        problem("missing", [*at, name], "Field required") for name in lacking(credential, given)
    ]
    if not problems:
        url = filled(credential, given)["base_url"]
        if reason := url_problem(url, call.deps.may_be_plain):
            problems = [problem("value_error", [*at, "base_url"], f"Value error, {reason}")]
    if problems:
        raise Invalid(problems)
    return credential
