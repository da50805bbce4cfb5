"""Claude and Gemini, on servers that speak as theirs do."""

import asyncio
import json
import time
from typing import Any

import pytest

from providers.provider_rig import (
    SSE,
    Asked,
    Script,
    ScriptedServer,
    all_of,
    failure,
    head,
    until_error,
    whole,
)
from providers.vendor_wires import WIRES, AnthropicWire, Wire
from turnwise.base.errors import (
    ConfigError,
    ProviderBroken,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers import registry
from turnwise.providers.ports import (
    ModelEvent,
    ModelMessage,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)

VENDORS = sorted(WIRES)
MISSING = [
    each.reason
    for each in registry.available("llm")
    if each.full_name in VENDORS and each.reason is not None
]
pytestmark = [pytest.mark.anyio, pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]

ASK = ModelRequest(messages=[ModelMessage(role="user", text="Hi")])
LOOK = ToolSpec(
    name="look",
    description="Look out.",
    parameters={"type": "object", "properties": {"in": {"type": "string"}}, "required": ["in"]},
)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def wire(vendor: str) -> Wire:
    return WIRES[vendor]()


def made(vendor: str, server: ScriptedServer, **options: object) -> Any:  # noqa: ANN401 - of any vendor
    url = server.url.removesuffix("/v1")
    given = {"base_url": url, "api_key": "k", "model": "m", **options}
    return registry.create("llm", vendor.partition("/")[2], **given)


async def asked(
    vendor: str,
    server: ScriptedServer,
    *scripts: Script,
    request: ModelRequest = ASK,
    **options: object,
) -> list[ModelEvent]:
    server.scripts = list(scripts)
    model = made(vendor, server, **options)
    try:
        return await all_of(model.stream(request))
    finally:
        await model.aclose()


async def told(vendor: str, server: ScriptedServer, wire: Wire, request: ModelRequest) -> Asked:
    await asked(vendor, server, wire.answer(wire.text("Hello.")), request=request)
    return server.asked[0]


async def test_text_and_usage(vendor: str, wire: Wire, server: ScriptedServer) -> None:
    script = wire.answer(wire.text("Hello ", "you."), usage=(9, 2))
    events = await asked(vendor, server, script)
    assert events == [TextDelta("Hello "), TextDelta("you."), Usage(9, 2)]


async def test_the_key_and_the_address(vendor: str, wire: Wire, server: ScriptedServer) -> None:
    request = await told(vendor, server, wire, ASK)
    assert request.path.removesuffix("?beta=true").endswith(wire.path)
    names = ("x-api-key", "x-goog-api-key", "authorization")  # as the vendor's package has it
    assert {request.headers.get(name) for name in names} & {"k", "Bearer k"}


async def test_a_known_model_has_its_published_price(server: ScriptedServer) -> None:
    wire = AnthropicWire()
    wire.model = "claude-haiku-4-5"
    script = wire.answer(wire.text("Hi"), usage=(1_000_000, 0))
    events = await asked("llm/anthropic", server, script, model="claude-haiku-4-5")
    used = events[-1]
    assert isinstance(used, Usage)
    assert 0.1 < used.input_price < 10
    assert used.output_price == 0


async def test_tool_calls_come_complete_after_the_text(
    vendor: str, wire: Wire, server: ScriptedServer
) -> None:
    script = wire.answer(
        wire.text("One moment."),
        wire.call(0, "look", '{"in": "Rome"}'),
        wire.call(1, "end_call", ""),
    )
    request = ModelRequest(messages=ASK.messages, tools=[LOOK])
    text, look, end, _ = await asked(vendor, server, script, request=request)
    assert text == TextDelta("One moment.")
    assert isinstance(look, ToolCall)
    assert (look.id, look.name, json.loads(look.arguments)) == ("call_0", "look", {"in": "Rome"})
    assert end == ToolCall(id="call_1", name="end_call", arguments="{}")


async def test_thoughts_are_not_said(vendor: str, wire: Wire, server: ScriptedServer) -> None:
    script = wire.answer(wire.thought("Hm."), wire.text("Yes."))
    events = await asked(vendor, server, script)
    assert [each.text for each in events if isinstance(each, TextDelta)] == ["Yes."]


CONVERSATION = [
    ModelMessage(role="system", text="Be kind."),
    ModelMessage(role="assistant", text="Hello!"),
    ModelMessage(role="user", text="Weather?"),
    ModelMessage(
        role="assistant", tool_calls=(ToolCall(id="c1", name="look", arguments='{"in": "Rome"}'),)
    ),
    ModelMessage(role="tool", text="sunny", tool_call_id="c1", tool_name="look"),
]


async def test_anthropic_is_told_the_whole_conversation(server: ScriptedServer) -> None:
    wire = WIRES["llm/anthropic"]()
    request = ModelRequest(messages=CONVERSATION, tools=[LOOK], temperature=0.3, max_tokens=50)
    body: Any = (await told("llm/anthropic", server, wire, request)).json
    assert body["system"] == "Be kind." or body["system"][0]["text"] == "Be kind."
    assert [each["role"] for each in body["messages"]] == ["user", "assistant"] * 2 + ["user"]
    assert "begins" in str(body["messages"][0])
    call, result = body["messages"][3]["content"][-1], body["messages"][4]["content"][-1]
    assert (call["id"], call["name"], call["input"]) == ("c1", "look", {"in": "Rome"})
    assert result["tool_use_id"] == "c1"
    assert "sunny" in str(result["content"])
    assert body["tools"][0]["name"] == "look"
    assert body["tools"][0]["input_schema"]["required"] == ["in"]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0.3, 50)
    assert body["stream"] is True


async def test_google_is_told_the_whole_conversation(server: ScriptedServer) -> None:
    wire = WIRES["llm/google"]()
    request = ModelRequest(messages=CONVERSATION, tools=[LOOK], temperature=0.3, max_tokens=50)
    asked_for = await told("llm/google", server, wire, request)
    body: Any = asked_for.json
    assert "/models/m:" in asked_for.path
    assert "Be kind." in str(body["systemInstruction"])
    assert [each["role"] for each in body["contents"]] == ["user", "model"] * 2 + ["user"]
    call = body["contents"][3]["parts"][0]["functionCall"]
    result = body["contents"][4]["parts"][0]["functionResponse"]
    assert (call["name"], call["args"]) == ("look", {"in": "Rome"})
    assert "sunny" in str(result["response"])
    assert body["tools"][0]["functionDeclarations"][0]["name"] == "look"
    assert body["generationConfig"]["temperature"] == 0.3
    assert body["generationConfig"]["maxOutputTokens"] == 50


@pytest.mark.parametrize(
    ("more", "thinking"),
    [
        ({}, None),
        ({"thinking_budget": 2048}, {"type": "enabled", "budget_tokens": 2048}),
        ({"thinking_budget": 0}, {"type": "disabled"}),
    ],
)
async def test_anthropic_is_told_how_much_to_think(
    server: ScriptedServer, more: dict[str, Any], thinking: object
) -> None:
    request = ModelRequest(messages=ASK.messages, max_tokens=8000, **more)
    body = (await told("llm/anthropic", server, WIRES["llm/anthropic"](), request)).json
    assert body.get("thinking") == thinking


@pytest.mark.parametrize(
    ("more", "thinking"),
    [
        ({}, None),
        ({"thinking_budget": 512}, {"thinking_budget": 512}),
        ({"thinking_budget": 0}, {"thinking_budget": 0}),
    ],
)
async def test_google_is_told_how_much_to_think(
    server: ScriptedServer, more: dict[str, Any], thinking: object
) -> None:
    request = ModelRequest(messages=ASK.messages, **more)
    body: Any = (await told("llm/google", server, WIRES["llm/google"](), request)).json
    assert body.get("generationConfig", {}).get("thinkingConfig") == thinking


async def test_effort_is_told_where_there_is_no_budget(server: ScriptedServer) -> None:
    request = ModelRequest(messages=ASK.messages, reasoning_effort="low")
    wire = WIRES["llm/google"]()
    server.scripts = [wire.answer(wire.text("Hello."))]
    model = made("llm/google", server, model="gemini-2.5-flash")
    await all_of(model.stream(request))
    await model.aclose()
    body: Any = server.asked[0].json
    assert body["generationConfig"]["thinkingConfig"]["thinking_budget"] > 0


async def test_an_absent_temperature_is_not_sent(
    vendor: str, wire: Wire, server: ScriptedServer
) -> None:
    request = await told(vendor, server, wire, ASK)
    assert "temperature" not in str(request.json)


@pytest.mark.parametrize(
    ("status", "expected", "requests"),
    [
        (400, ProviderRefused, 1),
        (401, ProviderRefused, 1),
        (403, ProviderRefused, 1),
        (404, ProviderRefused, 1),
        (429, ProviderUnavailable, 2),
        (500, ProviderUnavailable, 2),
        (503, ProviderUnavailable, 2),
        (529, ProviderUnavailable, 2),
    ],
)
async def test_an_http_status_becomes_an_error(
    vendor: str,
    server: ScriptedServer,
    status: int,
    expected: type[ProviderError],
    requests: int,
) -> None:
    with pytest.raises(ProviderError) as caught:
        await asked(vendor, server, failure(status))
    assert type(caught.value) is expected
    assert caught.value.status == status
    assert caught.value.provider == vendor
    assert len(server.asked) == requests


async def test_a_wait_that_is_asked_for_is_known(vendor: str, server: ScriptedServer) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        await asked(vendor, server, failure(429, Retry_After="20"))
    assert caught.value.retry_after_s == 20
    assert len(server.asked) == 1


async def test_a_slow_server_is_a_timeout(vendor: str, server: ScriptedServer) -> None:
    with pytest.raises(ProviderTimeout):
        await asked(vendor, server, [5.0], timeout_s=0.2, attempts=1)


async def test_an_answer_cut_off_is_an_error_and_not_tried_again(
    vendor: str, wire: Wire, server: ScriptedServer
) -> None:
    begun = [step for step in wire.answer(wire.text("One "))[:4] if isinstance(step, bytes)]
    chunks = [f"{len(each):x}\r\n".encode() + each + b"\r\n" for each in begun[1:]]
    server.scripts = [[head(200, SSE, Transfer_Encoding="chunked"), *chunks, 0.05]]
    model = made(vendor, server)
    events = await until_error(model.stream(ASK))
    await model.aclose()
    assert events == [TextDelta("One ")]
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"data: {no json\n\n", b""])
async def test_garbage_is_a_provider_error(
    vendor: str, server: ScriptedServer, body: bytes
) -> None:
    with pytest.raises(ProviderError):
        await asked(vendor, server, whole(body, kind=SSE), attempts=1)


async def test_an_error_in_the_stream_is_a_provider_error(
    vendor: str, wire: Wire, server: ScriptedServer
) -> None:
    with pytest.raises(ProviderError):
        await asked(vendor, server, [head(200, SSE), wire.failure()], attempts=1)


async def test_arguments_that_are_no_object_are_a_broken_answer(server: ScriptedServer) -> None:
    wire = WIRES["llm/anthropic"]()
    script = wire.answer(wire.call(0, "look", '{"in": '))
    with pytest.raises(ProviderBroken, match="look"):
        await asked("llm/anthropic", server, script)


async def test_closing_hangs_up(vendor: str, wire: Wire, server: ScriptedServer) -> None:
    server.scripts = [[*wire.answer(wire.text("One "))[:4], 10.0]]
    model = made(vendor, server)
    stream = model.stream(ASK)
    assert await anext(stream) == TextDelta("One ")
    began = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - began < 0.1
    async with asyncio.timeout(1):
        await server.hung_up.wait()
    await model.aclose()


def test_an_address_that_is_none_is_the_operators_mistake(vendor: str) -> None:
    with pytest.raises(ConfigError, match="localhost"):
        registry.create("llm", vendor.partition("/")[2], base_url="localhost:8000")
