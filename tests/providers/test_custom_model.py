"""The model of an agent's owner, member by member and header by header."""

from collections.abc import Mapping
from typing import Any

import pytest

from providers.provider_rig import (
    DONE,
    SSE,
    Script,
    ScriptedServer,
    all_of,
    delta,
    event,
    head,
    usage,
)
from turnwise.base.errors import ConfigError, ProviderError, ProviderRefused
from turnwise.outgoing import Outgoing, Policy
from turnwise.providers.llm.custom import SPEC, CustomModel
from turnwise.providers.ports import (
    Endpoint,
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(SPEC.missing() is not None, reason=str(SPEC.missing())),
]

MESSAGES = [
    ModelMessage(role="system", text="Be kind."),
    ModelMessage(role="user", text="Weather?"),
    ModelMessage(
        role="assistant", tool_calls=(ToolCall(id="c1", name="look", arguments='{"in": "Rome"}'),)
    ),
    ModelMessage(role="tool", text="sunny", tool_call_id="c1", tool_name="look"),
]
ASK = ModelRequest(messages=MESSAGES[:2])
LOOK = ToolSpec(
    name="look",
    description="Look out.",
    parameters={"type": "object", "properties": {"in": {"type": "string"}}, "required": ["in"]},
)
GOOD: Script = [head(200, SSE), delta("Sunny. "), delta("Warm."), delta(finish="stop"), DONE]


def with_headers(headers: Mapping[str, str], request: ModelRequest = ASK) -> ModelRequest:
    async def given() -> Mapping[str, str]:
        return headers

    endpoint = Endpoint(url="http://x", headers=given)
    return ModelRequest(messages=request.messages, endpoint=endpoint)


async def asked(
    server: ScriptedServer,
    script: Script,
    request: ModelRequest = ASK,
    **options: Any,  # noqa: ANN401 - those of the class
) -> list[ModelEvent]:
    server.scripts = [script]
    model = CustomModel(**{"url": server.url, **options})
    try:
        return await all_of(model.stream(request))
    finally:
        await model.aclose()


async def test_what_it_is_sent_and_nothing_else(server: ScriptedServer) -> None:
    request = ModelRequest(
        messages=MESSAGES,
        tools=[LOOK],
        model="mine",
        temperature=0.7,
        max_tokens=1000,
        user_id="ada",
        extra_body={"elevenlabs_extra_body": {"UUID": "1"}},
    )
    assert await asked(server, GOOD, request) == [TextDelta("Sunny. "), TextDelta("Warm.")]
    function = {"name": "look", "arguments": '{"in": "Rome"}'}
    assert server.asked[0].json == {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ],
        "model": "mine",
        "temperature": 0.7,
        "max_tokens": 1000,
        "stream": True,
        "user_id": "ada",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Look out.",
                    "parameters": LOOK.parameters,
                },
            }
        ],
        "elevenlabs_extra_body": {"UUID": "1"},
    }


async def test_what_is_not_said_is_not_sent(server: ScriptedServer) -> None:
    await asked(server, GOOD)
    assert set(server.asked[0].json) == {"messages", "model", "stream"}


@pytest.mark.parametrize(
    "name", ["gpt-5", "o3-mini", "claude-opus-5", "deepseek-r1", "qwen3-30b-a3b"]
)
async def test_the_name_of_a_model_changes_nothing(server: ScriptedServer, name: str) -> None:
    request = ModelRequest(
        messages=MESSAGES[:2],
        model=name,
        temperature=0.5,
        max_tokens=9,
        reasoning_effort="low",
        parallel_tool_calls=False,
        tools=[LOOK],
    )
    await asked(server, GOOD, request)
    told = server.asked[0].json
    assert (told["model"], told["temperature"], told["max_tokens"]) == (name, 0.5, 9)
    assert (told["reasoning_effort"], told["parallel_tool_calls"]) == ("low", False)
    assert told["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Weather?"},
    ]


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/chat/completions/", "/v1/chat/completions"),
        ("/deep/er", "/v1/deep/er/chat/completions"),
        ("?team=a", "/v1/chat/completions?team=a"),
        ("/chat/completions?team=a", "/v1/chat/completions?team=a"),
    ],
)
async def test_where_it_is_asked(server: ScriptedServer, suffix: str, path: str) -> None:
    await asked(server, GOOD, url=server.url + suffix)
    assert server.asked[0].path == path


async def test_azure_wants_its_version(server: ScriptedServer) -> None:
    request = with_headers({"Authorization": "Bearer k", "api-key": "k"})
    await asked(server, GOOD, request, api_version="2024-10-21")
    assert server.asked[0].path == "/v1/chat/completions?api-version=2024-10-21"
    assert server.asked[0].headers["api-key"] == "k"


async def test_headers_are_asked_for_each_time(server: ScriptedServer) -> None:
    server.scripts = [GOOD]
    model = CustomModel(url=server.url)
    for headers in (
        {"Authorization": "Bearer one", "X-Shop": "7"},
        {"authorization": "Bearer two"},
    ):
        await all_of(model.stream(with_headers(headers)))
    await model.aclose()
    one, two = (request.headers for request in server.asked)
    assert (one["authorization"], one["x-shop"]) == ("Bearer one", "7")
    assert two["authorization"] == "Bearer two"
    assert "x-shop" not in two


async def test_without_a_key_there_is_no_authorization(server: ScriptedServer) -> None:
    await asked(server, GOOD)
    assert "authorization" not in server.asked[0].headers


async def test_a_header_that_cannot_be_had_is_told(server: ScriptedServer) -> None:
    async def gone() -> Mapping[str, str]:
        raise ProviderRefused("llm/custom-llm", "no token")

    request = ModelRequest(messages=MESSAGES[:1], endpoint=Endpoint(url="http://x", headers=gone))
    with pytest.raises(ProviderRefused, match="no token"):
        await asked(server, GOOD, request)
    assert server.asked == []


async def test_tool_calls_and_usage(server: ScriptedServer) -> None:
    function = {"name": "end_call", "arguments": '{"reason": "done"}'}
    call = delta(tool_calls=[{"index": 0, "id": "c", "type": "function", "function": function}])
    script = [head(200, SSE), call, delta(finish="tool_calls"), usage(5, 6), DONE]
    assert await asked(server, script) == [
        ToolCall(id="c", name="end_call", arguments='{"reason": "done"}'),
        Usage(5, 6),
    ]


async def test_an_error_in_the_stream_is_told(server: ScriptedServer) -> None:
    error = event({"error": {"message": "out of order", "type": "server_error"}})
    with pytest.raises(ProviderError):
        await asked(server, [head(200, SSE), error, DONE])


def responses(*events: dict[str, object]) -> Script:
    numbered = ({**each, "sequence_number": n} for n, each in enumerate(events))
    return [
        head(200, SSE),
        *(b"event: " + str(each["type"]).encode() + b"\n" + event(each) for each in numbered),
    ]


def response(status: str, output: list[object]) -> dict[str, object]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "mine",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 8,
            "output_tokens": 2,
            "total_tokens": 10,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


async def test_the_responses_api(server: ScriptedServer) -> None:
    place = {"output_index": 0, "item_id": "msg_1", "content_index": 0}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress"}
    part = {"type": "output_text", "text": "", "annotations": []}
    script = responses(
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": part},
        {"type": "response.output_text.delta", **place, "delta": "Sunny. ", "logprobs": []},
        {"type": "response.output_text.delta", **place, "delta": "Warm.", "logprobs": []},
        {"type": "response.completed", "response": response("completed", [])},
    )
    request = ModelRequest(
        messages=MESSAGES[:2],
        tools=[LOOK],
        model="mine",
        extra_body={"elevenlabs_extra_body": {"a": 1}},
        user_id="ada",
    )
    events = await asked(server, script, request, api="responses")
    assert "".join(each.text for each in events if isinstance(each, TextDelta)) == "Sunny. Warm."
    assert events[-1] == Usage(8, 2)
    sent: Any = server.asked[0].json
    assert server.asked[0].path == "/v1/responses"
    assert (sent["model"], sent["stream"], sent["user_id"]) == ("mine", True, "ada")
    assert sent["elevenlabs_extra_body"] == {"a": 1}
    assert sent["tools"][0]["name"] == "look"
    assert "Weather?" in str(sent["input"])
    assert "Be kind." in str(sent["input"]) + str(sent.get("instructions"))


async def test_requests_go_only_where_they_may(server: ScriptedServer) -> None:
    guarded = Outgoing(Policy())
    with pytest.raises(ProviderRefused, match="must not lead"):
        await asked(server, GOOD, make_client=guarded.client)
    assert server.asked == []
    trusted = Outgoing(Policy(allow_private=True))
    assert await asked(server, GOOD, make_client=trusted.client)
    await guarded.aclose()
    await trusted.aclose()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="ftp"):
        CustomModel(url="ftp://x")
