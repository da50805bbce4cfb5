"""The hosted service is FastAPI: what it says of a body is what we say of it from its document.

An application of the real FastAPI publishes its document; each body goes to the application and to
the shape that the document has of it, and both must find the same.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import pytest
from fastapi import Body, FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from turnwise.contract import ContractError, Shape
from turnwise.contract.operations import Operation, Parameter

Json = Any


class Mood(Enum):
    CALM = "calm"
    KEEN = "keen"
    EAGER = "eager"


class Webhook(BaseModel):
    type: Literal["webhook"] = "webhook"
    url: Annotated[str, Field(min_length=3, max_length=20)]
    headers: dict[str, str | int] = {}


class Client(BaseModel):
    type: Literal["client"] = "client"
    name: Annotated[str, Field(pattern="^[a-z]+$")]
    timeout: Annotated[int, Field(ge=1, le=120)] = 20


class Secret(BaseModel):
    secret_id: str


class Variable(BaseModel):
    variable_name: str


class Prompt(BaseModel):
    prompt: str = ""
    temperature: Annotated[float, Field(ge=0, lt=2)] | None = 0.5
    mood: Mood = Mood.CALM
    speed: Literal["slow", "fast"] = "slow"
    tools: list[Annotated[Webhook | Client, Field(discriminator="type")]] = []
    ids: Annotated[list[str], Field(max_length=2)] = []
    key: str | Secret | Variable | None = None
    score: int | str | None = None
    moods: dict[Mood, int] = {}
    parts: list[str] | str | None = None
    child: "Prompt | None" = None


class Agent(BaseModel):
    prompt: Prompt
    flags: dict[str, bool] = {}
    limit: int = 3


app = FastAPI()


@app.post("/one")
def one(agent: Agent) -> None:
    """Take a body with a name of its own."""


@app.post("/several")
def several(
    config: Annotated[Agent, Body()],
    name: Annotated[str, Body()],
    tags: Annotated[list[str] | None, Body()] = None,
    size: Annotated[int, Body(gt=0)] = 1,
) -> None:
    """Take a body whose fields are separate parameters."""


@app.get("/query")
def query(
    *,
    text: str,
    page_size: Annotated[int, Query(ge=1, le=100)] = 30,
    ids: Annotated[list[int] | None, Query()] = None,
    archived: bool | None = None,
    mood: Mood = Mood.CALM,
    moods: Annotated[list[Mood], Query()] = [],  # noqa: B006
    score: float = 0.5,
) -> dict[str, Json]:
    return {
        "text": text,
        "page_size": page_size,
        "ids": ids,
        "archived": archived,
        "mood": mood,
        "moods": moods,
        "score": score,
    }


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def published() -> Json:
    return app.openapi()


def body_shape(published: Json, path: str) -> Shape:
    schema = published["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return Shape(schema["schema"], published["components"]["schemas"])


def query_operation(published: Json) -> Operation:
    shapes = published["components"]["schemas"]
    parameters = tuple(
        Parameter(part["name"], part["in"], part["required"], Shape(part["schema"], shapes))
        for part in published["paths"]["/query"]["get"]["parameters"]
    )
    return Operation(
        key="GET /query",
        operation_id="query",
        resource="query",
        priority=None,
        parameters=parameters,
        body=None,
        body_media=None,
        body_required=False,
        answer=None,
        answer_media=None,
        status=200,
        deprecated=False,
        shapes=shapes,
    )


RESET = {"size", "prompt"}
"""Fields that have a default, and a null in one of the bodies."""


def said(service: TestClient, path: str, body: Json) -> list[Json]:
    """Return what the service finds wrong, but for nulls that take a field back to its default."""
    answer = service.post(path, json=body)
    found = answer.json()["detail"] if answer.status_code == 422 else []
    return [part for part in found if part["input"] is not None or part["loc"][-1] not in RESET]


AGENTS: list[Json] = [
    {"prompt": {}},
    {"prompt": {"prompt": "x", "unknown": 1}, "more": [1]},
    {},
    {"prompt": 3},
    {"prompt": []},
    {"prompt": "text"},
    {"prompt": {"prompt": 3}},
    {"prompt": {"prompt": None}, "limit": "x"},
    {"prompt": {"temperature": -1}},
    {"prompt": {"temperature": 2}},
    {"prompt": {"temperature": "warm"}},
    {"prompt": {"temperature": None}},
    {"prompt": {"temperature": True}},
    {"prompt": {"temperature": []}},
    {"prompt": {"mood": "angry"}},
    {"prompt": {"mood": 3}},
    {"prompt": {"speed": "angry"}},
    {"prompt": {"tools": {}}},
    {"prompt": {"tools": [{}, 3, "x", {"type": "webhook"}, {"type": "other"}, {"type": 3}]}},
    {"prompt": {"tools": [{"type": "webhook", "url": "x"}]}},
    {"prompt": {"tools": [{"type": "webhook", "url": "x" * 21}]}},
    {"prompt": {"tools": [{"type": "webhook", "url": "xxx", "headers": {"a": []}}]}},
    {"prompt": {"tools": [{"type": "webhook", "url": "xxx", "headers": []}]}},
    {"prompt": {"tools": [{"type": "client", "name": "ABC", "timeout": 0}]}},
    {"prompt": {"tools": [{"type": "client", "name": "abc", "timeout": 121}]}},
    {"prompt": {"tools": [{"type": "client", "name": "abc", "timeout": 1.5}]}},
    {"prompt": {"tools": [{"type": "client", "name": "abc", "timeout": 5.0}]}},
    {"prompt": {"tools": [{"type": "client", "name": "abc", "timeout": "5"}]}},
    {"prompt": {"tools": [{"type": "client", "name": "abc", "timeout": "five"}]}},
    {"prompt": {"ids": ["a", "b", "c"]}},
    {"prompt": {"ids": ["a", 2]}},
    {"prompt": {"ids": "a"}},
    {"prompt": {"key": 3}},
    {"prompt": {"key": {}}},
    {"prompt": {"key": {"secret_id": 3}}},
    {"prompt": {"key": {"variable_name": "x"}}},
    {"prompt": {"score": []}},
    {"prompt": {"score": 1.5}},
    {"prompt": {"moods": {"angry": 1}}},
    {"prompt": {"moods": {"calm": "x"}}},
    {"prompt": {"parts": 3}},
    {"prompt": {"parts": [3]}},
    {"prompt": {"child": {"child": {"child": {"prompt": 3}}}}},
    {"prompt": {"child": 3}},
    {"prompt": {}, "flags": {"a": "maybe", "b": "yes", "c": 2, "d": 1}},
    {"prompt": {}, "flags": []},
    {"prompt": {}, "limit": 10**30},
    {"prompt": {}, "limit": "10"},
    [],
    3,
    "x",
]


@pytest.mark.parametrize("body", AGENTS, ids=lambda body: str(body)[:50])
def test_a_named_body_has_the_problems_that_fastapi_finds(
    service: TestClient, published: Json, body: Json
) -> None:
    found = body_shape(published, "/one").problems(body)
    assert found == said(service, "/one", body)


SEVERAL: list[Json] = [
    *({"config": body, "name": "x"} for body in AGENTS),
    {},
    {"name": None, "config": None},
    {"name": "x"},
    {"config": {"prompt": {}}, "name": 3},
    {"config": {"prompt": {}}, "name": "x", "tags": None, "size": None},
    {"config": {"prompt": {}}, "name": "x", "tags": [1], "size": 0},
    {"config": {"prompt": {}}, "name": "x", "tags": "a", "size": "many"},
]


@pytest.mark.parametrize("body", SEVERAL, ids=lambda body: str(body)[:50])
def test_a_body_of_separate_parameters_has_the_problems_that_fastapi_finds(
    service: TestClient, published: Json, body: Json
) -> None:
    found = body_shape(published, "/several").problems(body)
    assert found == said(service, "/several", body)


QUERIES: list[list[tuple[str, str]]] = [
    [],
    [("text", "a")],
    [("text", ""), ("page_size", "5"), ("archived", "on"), ("unknown", "x")],
    [("text", "a"), ("page_size", "0")],
    [("text", "a"), ("page_size", "101")],
    [("text", "a"), ("page_size", "many")],
    [("text", "a"), ("page_size", "1.0")],
    [("text", "a"), ("page_size", "1.5")],
    [("text", "a"), ("page_size", "")],
    [("text", "a"), ("text", "b"), ("page_size", "1"), ("page_size", "2")],
    [("text", "a"), ("ids", "1"), ("ids", "2")],
    [("text", "a"), ("ids", "1"), ("ids", "x")],
    [("text", "a"), ("archived", "1")],
    [("text", "a"), ("archived", "off")],
    [("text", "a"), ("archived", "maybe")],
    [("text", "a"), ("mood", "keen"), ("moods", "calm"), ("moods", "eager")],
    [("text", "a"), ("mood", "angry"), ("moods", "calm"), ("moods", "angry")],
    [("text", "a"), ("score", "1.25")],
    [("text", "a"), ("score", "high")],
]


@pytest.mark.parametrize("pairs", QUERIES, ids=str)
def test_a_query_is_read_as_fastapi_reads_it(
    service: TestClient, published: Json, pairs: list[tuple[str, str]]
) -> None:
    operation = query_operation(published)
    answer = service.get(f"/query?{urlencode(pairs)}")
    if answer.status_code == 422:
        with pytest.raises(ContractError) as caught:
            operation.read_query(pairs)
        assert list(caught.value.problems) == answer.json()["detail"]
    else:
        assert operation.read_query(pairs) == answer.json()
