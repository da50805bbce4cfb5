import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from providers.provider_rig import (
    DONE,
    SSE,
    Script,
    ScriptedServer,
    all_of,
    delta,
    event,
    failure,
    head,
    until_error,
    usage,
    whole,
)
from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.llm.openai_compatible import SPEC, OpenAiModel
from turnwise.providers.ports import (
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextDelta,
    Thought,
    ThoughtDelta,
    ToolCall,
    ToolSpec,
    Usage,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(SPEC.missing() is not None, reason=str(SPEC.missing())),
]

ASK = ModelRequest(messages=[ModelMessage(role="user", text="Hi")])
GOOD: Script = [
    head(200, SSE),
    delta("Hello "),
    delta("you."),
    delta(finish="stop"),
    usage(9, 2),
    DONE,
]


def call(index: int, arguments: str, name: str | None = None, call_id: str | None = None) -> bytes:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    told = {"index": index, "type": "function", "function": function}
    return delta(tool_calls=[told | ({"id": call_id} if call_id else {})])


def wanted(call_id: str, name: str, arguments: str) -> ToolCall:
    return ToolCall(id=call_id, name=name, arguments=arguments)


async def asked(
    server: ScriptedServer, *scripts: Script, request: ModelRequest = ASK, **options: object
) -> list[ModelEvent]:
    server.scripts = list(scripts)
    model = OpenAiModel(**{"base_url": server.url, "api_key": "k", **options})  # type: ignore[arg-type]
    try:
        return await all_of(model.stream(request))
    finally:
        await model.aclose()


async def test_text_and_usage(server: ScriptedServer) -> None:
    assert await asked(server, GOOD) == [TextDelta("Hello "), TextDelta("you."), Usage(9, 2)]
    request = server.asked[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer k"
    assert request.json["model"] == "gpt-4o-mini"
    assert request.json["stream"] is True


async def test_thoughts_are_told_as_they_come_where_they_are_wanted(server: ScriptedServer) -> None:
    said = [delta(reasoning_content="Hm. "), delta(reasoning_content="So."), delta("Yes.")]
    script: Script = [head(200, SSE), *said, delta(finish="stop"), DONE]
    request = replace(ASK, reasoning_stream=True)
    thoughts = [ThoughtDelta("Hm. "), ThoughtDelta("So.")]
    assert await asked(server, script, request=request) == [*thoughts, TextDelta("Yes.")]
    assert await asked(server, script) == [TextDelta("Yes.")]


@pytest.mark.parametrize(
    ("tier", "tiers", "sent"),
    [
        ("fast", True, "priority"),
        ("fast", False, None),
        ("standard", True, None),
        (None, True, None),
    ],
)
async def test_a_tier_is_asked_for_where_the_server_has_tiers(
    server: ScriptedServer, tier: str | None, *, tiers: bool, sent: str | None
) -> None:
    await asked(server, GOOD, request=replace(ASK, service_tier=tier), tiers=tiers)
    assert server.asked[0].json.get("service_tier") == sent


async def test_text_comes_as_it_is_written(server: ScriptedServer) -> None:
    server.scripts = [
        [head(200, SSE), delta("One "), 0.3, delta("two."), delta(finish="stop"), DONE]
    ]
    model = OpenAiModel(base_url=server.url)
    began = time.monotonic()
    at = [time.monotonic() - began async for _ in model.stream(ASK)]
    await model.aclose()
    assert at[1] - at[0] > 0.2


async def test_the_whole_conversation_is_told(server: ScriptedServer) -> None:
    messages = [
        ModelMessage(role="system", text="Be kind."),
        ModelMessage(role="user", text="Weather?"),
        ModelMessage(role="assistant", tool_calls=(wanted("c1", "look", '{"in": "Rome"}'),)),
        ModelMessage(role="tool", text="sunny", tool_call_id="c1", tool_name="look"),
        ModelMessage(role="assistant", text="Sunny."),
        ModelMessage(role="system", text="The user looks away."),
        ModelMessage(role="user", text="And tomorrow?"),
    ]
    schema = {
        "type": "object",
        "properties": {"in": {"type": "string", "description": "Where."}},
        "required": ["in"],
    }
    request = ModelRequest(
        messages=messages,
        tools=[ToolSpec(name="look", description="Look out.", parameters=schema)],
        model="qwen",
        temperature=0.3,
        max_tokens=50,
        extra_body={"chat_template_kwargs": {"enable_thinking": False}},
    )
    await asked(server, GOOD, request=request)
    told = server.asked[0].json
    assert told["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"in": "Rome"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "assistant", "content": "Sunny."},
        {"role": "system", "content": "The user looks away."},
        {"role": "user", "content": "And tomorrow?"},
    ]
    function = {"name": "look", "description": "Look out.", "parameters": schema}
    assert told["tools"] == [{"type": "function", "function": function}]
    assert told["model"] == "qwen"
    assert told["temperature"] == 0.3
    assert told["max_tokens"] == 50
    assert told["chat_template_kwargs"] == {"enable_thinking": False}


async def test_tool_calls_come_complete_after_the_text(server: ScriptedServer) -> None:
    script = [
        head(200, SSE),
        delta("One moment."),
        call(0, "", name="look", call_id="a"),
        call(0, '{"in": '),
        call(1, '{"n": 1}', name="count", call_id="b"),
        call(0, '"Rome"}'),
        delta(finish="tool_calls"),
        usage(3, 4),
        DONE,
    ]
    assert await asked(server, script) == [
        TextDelta("One moment."),
        wanted("a", "look", '{"in": "Rome"}'),
        wanted("b", "count", '{"n": 1}'),
        Usage(3, 4),
    ]


async def test_a_call_without_arguments_has_an_empty_object(server: ScriptedServer) -> None:
    script = [head(200, SSE), call(0, "", "end_call", "a"), delta(finish="tool_calls"), DONE]
    assert await asked(server, script) == [wanted("a", "end_call", "{}")]


async def test_arguments_that_are_no_object_are_a_broken_answer(server: ScriptedServer) -> None:
    script = [head(200, SSE), call(0, '{"in": ', "look", "a"), delta(finish="tool_calls"), DONE]
    with pytest.raises(ProviderBroken, match="look"):
        await asked(server, script)


@pytest.mark.parametrize(
    "thoughts",
    [
        [delta(reasoning_content="Hm. "), delta("Yes.")],
        [delta("<think>"), delta("Hm."), delta("</think>"), delta("Yes.")],
    ],
    ids=["field", "tags"],
)
async def test_thoughts_are_not_said(server: ScriptedServer, thoughts: Sequence[bytes]) -> None:
    events = await asked(server, [head(200, SSE), *thoughts, delta(finish="stop"), DONE])
    text = "".join(each.text for each in events if isinstance(each, TextDelta))
    assert text.strip() == "Yes."


async def test_thoughts_are_told_where_they_are_asked_for(server: ScriptedServer) -> None:
    said = [delta(reasoning_content="Hm. "), delta(reasoning_content="So."), delta("Yes.")]
    script = [head(200, SSE), *said, delta(finish="stop"), DONE]
    request = replace(ASK, reasoning_summary=True)
    events = await asked(server, script, request=request)
    assert [each for each in events if isinstance(each, Thought)] == [Thought("Hm. So.")]


@pytest.mark.parametrize(
    ("status", "expected", "requests"),
    [
        (400, ProviderRefused, 1),
        (401, ProviderRefused, 1),
        (402, ProviderRefused, 1),
        (403, ProviderRefused, 1),
        (404, ProviderRefused, 1),
        (422, ProviderRefused, 1),
        (429, ProviderUnavailable, 2),
        (500, ProviderUnavailable, 2),
        (503, ProviderUnavailable, 2),
    ],
)
async def test_an_http_status_becomes_an_error(
    server: ScriptedServer, status: int, expected: type[ProviderError], requests: int
) -> None:
    with pytest.raises(ProviderError) as caught:
        await asked(server, failure(status))
    assert type(caught.value) is expected
    assert caught.value.status == status
    assert caught.value.provider == "llm/openai"
    assert len(server.asked) == requests


async def test_a_failure_that_passes_is_not_noticed(server: ScriptedServer) -> None:
    assert len(await asked(server, failure(503), GOOD)) == 3


async def test_a_short_retry_after_is_waited_for(server: ScriptedServer) -> None:
    began = time.monotonic()
    assert len(await asked(server, failure(429, Retry_After="1"), GOOD)) == 3
    assert 1 <= time.monotonic() - began < 2


async def test_a_long_retry_after_is_not_waited_for(server: ScriptedServer) -> None:
    with pytest.raises(ProviderUnavailable):
        await asked(server, failure(429, Retry_After="20"), GOOD)
    assert len(server.asked) == 1


async def test_no_server_is_unavailable() -> None:
    model = OpenAiModel(base_url="http://127.0.0.1:9/v1", attempts=1)
    with pytest.raises(ProviderUnavailable):
        await all_of(model.stream(ASK))
    await model.aclose()


async def test_a_slow_server_is_a_timeout(server: ScriptedServer) -> None:
    with pytest.raises(ProviderTimeout):
        await asked(server, [5.0], timeout_s=0.2, attempts=1)


async def test_a_server_that_stalls_is_a_timeout_and_not_tried_again(
    server: ScriptedServer,
) -> None:
    with pytest.raises(ProviderTimeout):
        await asked(server, [head(200, SSE), delta("One "), 5.0], timeout_s=0.2)
    assert len(server.asked) == 1


async def test_an_answer_cut_off_is_an_error_and_not_tried_again(server: ScriptedServer) -> None:
    chunk = delta("One ")
    framed = f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
    cut: Script = [head(200, SSE, Transfer_Encoding="chunked"), framed, 0.05]
    server.scripts = [cut]
    model = OpenAiModel(base_url=server.url)
    told = await until_error(model.stream(ASK), ProviderUnavailable)
    await model.aclose()
    assert told == [TextDelta("One ")]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "script",
    [
        whole(b"<html>hello</html>", kind="text/html"),
        [head(200, SSE), b"data: {no json\n\n", DONE],
        [head(200, SSE), event({"error": {"message": "no", "code": "x"}}), DONE],
        [head(200, SSE), event([1, 2]), DONE],
        [head(200, SSE), event({"choices": 5}), DONE],
        [head(200, SSE), DONE],
        whole(b""),
        whole(b"", status=204),
    ],
    ids=["html", "no json", "error event", "list", "shape", "empty", "nothing", "no content"],
)
async def test_garbage_is_a_provider_error(server: ScriptedServer, script: Script) -> None:
    with pytest.raises(ProviderError):
        await asked(server, script, attempts=1)


async def test_closing_hangs_up(server: ScriptedServer) -> None:
    server.scripts = [[head(200, SSE), delta("One "), 10.0]]
    model = OpenAiModel(base_url=server.url)
    stream = model.stream(ASK)
    assert await anext(stream) == TextDelta("One ")
    began = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - began < 0.1
    async with asyncio.timeout(1):
        await server.hung_up.wait()
    await model.aclose()


def test_an_address_that_is_none_is_the_operators_mistake() -> None:
    with pytest.raises(ConfigError, match="localhost"):
        OpenAiModel(base_url="localhost:8000")
