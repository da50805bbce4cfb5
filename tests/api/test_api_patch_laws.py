"""Laws of every PATCH, for any body that the contract allows, and of what is made.

What is named is there afterwards, what is not named stays, and what is refused changes nothing.
What is made is read as it was sent, with the published defaults beside it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from api.api_kit import KEY
from api.api_seeds import Known, planted
from api.conftest import served
from contract.contract_documents import documents
from turnwise.agents.three_way import same
from turnwise.api.app import implemented
from turnwise.contract import Shape, load

Json = Any

OPERATIONS = load().operations
PATCHED = [
    key.removeprefix("PATCH ")
    for key in implemented()
    if key.startswith("PATCH ") and f"GET {key.removeprefix('PATCH ')}" in implemented()
]
UNMADE = "/v1/convai/test-invocations/{test_invocation_id}"
"""No client can make one here."""
NOTHING: frozenset[str] = frozenset()
VOLATILE = frozenset(
    {
        "access_info",
        "branch_id",
        "current_version_id",
        "last_committed_at",
        "last_updated_at_unix_secs",
        "latest_version_id",
        "metadata",
        "updated_at_unix_secs",
        "updated_by",
        "updated_by_user_id",
        "version_id",
        "version_number",
    }
)
"""Of an answer: what changes with every change."""
BY_THE_WAY: Mapping[str, frozenset[str]] = {
    "agents": frozenset({"phone_numbers"}),  # where the name of the agent is shown
    "analysis-items": frozenset({"definition"}),
    "knowledge-base": frozenset({"extracted_inner_html", "content_format", "content_preview"}),
    "mcp-servers": frozenset({"config"}),
    "phone-numbers": frozenset(
        {"assigned_agent", "inbound_trunk", "outbound_trunk", "provider_config"}
    ),
    "pronunciation-dictionaries": frozenset({"archived_time_unix"}),
}
"""Of an answer, by resource: what shows a part of the body under another name."""
OTHERWISE: Mapping[str, frozenset[str]] = {
    "agents": frozenset({"procedures", "version_description"}),
    "secrets": frozenset({"type"}),
}
"""Of a body, by resource: what no answer shows as it was sent."""
LAWS = settings(
    max_examples=12,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        served(tmp_path_factory.mktemp("laws"), observe=lambda *_: None) as url,
        httpx.Client(base_url=url, headers={"xi-api-key": KEY}, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def known(http: httpx.Client) -> Known:
    return planted(http)


def body_of(key: str) -> Shape:
    shape = OPERATIONS[key].body
    assert shape is not None
    return shape


def real(value: Json, known: Known) -> Json:
    """A body that refers to what is there, wherever it refers to something, and has no NUL."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [real(item, known) for item in value]
    if isinstance(value, dict):
        return {
            real(key, known): known[key][0]
            if key in known and isinstance(part, str)
            else real(part, known)
            for key, part in value.items()
        }
    return value


def passable(value: Json) -> Json:
    """A body whose texts pass the rules that its shape does not know: of URLs."""
    if isinstance(value, list):
        return [passable(item) for item in value]
    if isinstance(value, dict):
        return {
            key: "https://a.test/x" if key == "url" and isinstance(part, str) else passable(part)
            for key, part in value.items()
        }
    return value


def contained(part: Json, whole: Json) -> bool:
    """Whether all that was sent is there; a null may have become a default, or taken away."""
    if part is None:
        return True
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(contained(each, whole.get(key)) for key, each in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(contained, part, whole))
    return same(part, whole)


@pytest.mark.parametrize("path", [path for path in PATCHED if path != UNMADE])
def test_what_is_named_changes_and_nothing_else(
    http: httpx.Client, known: Known, path: str
) -> None:
    url = path.format_map({name: ids[0] for name, ids in known.items()})
    resource, taken = path.split("/{", maxsplit=1)[0].rpartition("/")[2], list[bool]()

    @LAWS
    @given(body=documents(body_of(f"PATCH {path}")))
    def law(body: Json) -> None:
        body = real(body, known)
        before = http.get(url).json()
        answer = http.patch(url, json=body)
        after = http.get(url).json()
        assert answer.status_code in {200, 400, 404, 409, 422, 501}, answer.text
        taken.append(answer.status_code == 200)
        if not taken[-1]:
            assert same(before, after)
            return
        for key in body.keys() & after.keys() - OTHERWISE.get(resource, NOTHING):
            assert contained(body[key], after[key]), key
        for key in before.keys() - body.keys() - VOLATILE - BY_THE_WAY.get(resource, NOTHING):
            assert same(before[key], after[key]), key

    law()
    assert any(taken), "no body was taken: this shows nothing"


@pytest.mark.parametrize(
    ("key", "place", "id_key"),
    [
        ("POST /v1/convai/agents/create", "/v1/convai/agents", "agent_id"),
        ("POST /v1/convai/tools", "/v1/convai/tools", "id"),
        ("POST /v1/convai/mcp-servers", "/v1/convai/mcp-servers", "id"),
        ("POST /v1/convai/agent-testing/create", "/v1/convai/agent-testing", "id"),
        ("POST /v1/convai/tags", "/v1/convai/tags", "tag_id"),
    ],
)
def test_what_is_made_is_read_as_it_was_sent_with_the_published_defaults(
    http: httpx.Client, known: Known, key: str, place: str, id_key: str
) -> None:
    shape, taken = body_of(key), list[bool]()

    @LAWS
    @given(body=documents(shape))
    def law(body: Json) -> None:
        body = passable(real(body, known))
        answer = http.post(key.removeprefix("POST "), json=body)
        assert answer.status_code in {200, 400, 404, 409, 422}, answer.text
        taken.append(answer.status_code == 200)
        if taken[-1]:
            found = http.get(f"{place}/{answer.json()[id_key]}").json()
            assert contained(body, found)
            assert contained(shape.filled(body), found)

    law()
    assert any(taken), "no body was taken: this shows nothing"


WORKFLOWS = documents(load().shape("AgentWorkflowRequestModel"))


def test_any_workflow_is_answered_in_the_published_shape(http: httpx.Client, known: Known) -> None:
    """The server of these tests checks the shape of each answer, and fails if it is another."""
    url, taken = f"/v1/convai/agents/{known['agent_id'][0]}", list[bool]()

    @settings(LAWS, max_examples=60)
    @given(workflow=WORKFLOWS)
    def law(workflow: Json) -> None:
        workflow = real(workflow, known)
        answer = http.patch(url, json={"workflow": workflow})
        assert answer.status_code in {200, 404, 422}, answer.text
        taken.append(answer.status_code == 200 and bool(workflow.get("nodes")))
        if answer.status_code == 200:
            found = http.get(url).json()["workflow"]
            assert contained(workflow, found)

    law()
    assert any(taken), "no workflow with a node was taken: this shows nothing"
