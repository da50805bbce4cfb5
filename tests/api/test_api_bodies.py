"""What no body may say: the character NUL, anywhere."""

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio

SECRETS = "/v1/convai/secrets"
AGENT = "/v1/convai/agents/create"
TEXT = "/v1/convai/knowledge-base/text"
FILE = "/v1/convai/knowledge-base/file"
SPEECH = "/v1/speech-to-text"


@pytest.mark.parametrize(
    ("path", "body", "places"),
    [
        (SECRETS, {"type": "new", "name": "a\0b", "value": "x"}, [["name"]]),
        (SECRETS, {"type": "new", "name": "\0", "value": "\0"}, [["name"], ["value"]]),
        ("/v1/convai/tags", {"title": "a\0", "description": ""}, [["title"]]),
        (AGENT, {"conversation_config": {"x": [1, {"y": "\0"}]}}, [["conversation_config", "x"]]),
        (AGENT, {"conversation_config": {}, "a\0b": 1}, [["a\0b"]]),
        (AGENT, {"conversation_config": {}, "tags": ["a", "\0"]}, [["tags", 1]]),
        (TEXT, {"text": "a\0", "name": "x"}, [["text"]]),
    ],
)
async def test_nul_is_refused_with_its_place(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], places: list[list[str | int]]
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 422
    found = [(entry["type"], entry["loc"]) for entry in answer.json()["detail"]]
    assert len(found) == len(places)
    for (kind, loc), place in zip(found, places, strict=True):
        assert kind == "value_error"
        assert loc[: len(place) + 1] == ["body", *place]


async def test_what_only_looks_like_nul_is_stored(client: httpx.AsyncClient) -> None:
    config = {"agent": {"prompt": {"prompt": "\\u0000 and \\\\u0000"}}}
    made = await client.post(AGENT, json={"conversation_config": config})
    found = (await client.get(f"/v1/convai/agents/{made.json()['agent_id']}")).json()
    said = found["conversation_config"]["agent"]["prompt"]["prompt"]
    assert said == "\\u0000 and \\\\u0000"


@pytest.mark.parametrize(
    ("path", "fields", "place"),
    [
        (FILE, {"name": "a\0b"}, ["body", "name"]),
        (SPEECH, {"model_id": "scribe_v1", "keyterms": '["\\u0000"]'}, ["body", "keyterms", 0]),
    ],
)
async def test_nul_in_a_form_is_refused_with_its_place(
    client: httpx.AsyncClient, path: str, fields: dict[str, str], place: list[str | int]
) -> None:
    files = {"file": ("a.txt", b"some words", "text/plain")}
    answer = await client.post(path, data=fields, files=files)
    assert answer.status_code == 422
    assert [entry["loc"] for entry in answer.json()["detail"]] == [place]


async def test_what_a_file_holds_may_have_it(client: httpx.AsyncClient) -> None:
    files = {"file": ("a.txt", b"some\0 words", "text/plain")}
    assert (await client.post(FILE, files=files)).status_code == 200
