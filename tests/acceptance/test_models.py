"""Language models: the agent's own, routes, backups, and what client and record see of them."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import ConversationInitiationData

from acceptance.brain import Brain, ByModel, Cut, Fail, Raw, Step, Wait
from acceptance.callers import AS_TEXT, INIT, Caller
from acceptance.conftest import MakeHouse
from acceptance.house import KEY, House, agent, client_tool, said
from acceptance.test_failures import APOLOGY
from acceptance.test_sdk_text import Chat, chat
from turnwise.runtime.hedging import LEAST

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]
YES: list[Step] = ["Yes, ", "we are open."]
ANSWER = "Yes, we are open."


@pytest.fixture(scope="module")
def _routed_house(make_house: MakeHouse, brain: Brain) -> House:
    place = {"provider": "openai", "base_url": brain.base_url}
    rows = [
        {**place, "match": "gpt-*", "model": "first"},
        {**place, "match": "claude-*", "model": "second"},
        {**place, "match": "qwen*"},
    ]
    return make_house(
        LLM="openai",
        LLM_BASE_URL=brain.base_url,
        LLM_MODEL="engine",
        LLM_ROUTES=json.dumps(rows),
        ALLOW_PRIVATE_NETWORK="true",
    )


@pytest.fixture
def routed(_routed_house: House) -> Iterator[House]:
    before = _routed_house.faults()
    yield _routed_house
    assert _routed_house.faults() == before


@pytest.fixture
def sdk(routed: House) -> Iterator[ElevenLabs]:
    with httpx.Client() as http:
        yield ElevenLabs(api_key=KEY, base_url=routed.url, httpx_client=http)


def thinking(prompt: str, llm: str = "gpt-4o", *, more: Json | None = None, **told: Any) -> Json:  # noqa: ANN401
    """An agent with a language model of its own choice."""
    made = agent(prompt, settings=more or {})
    made["conversation_config"]["agent"]["prompt"] |= {"llm": llm, **told}
    return made


def own(brain: Brain, **more: Any) -> Json:  # noqa: ANN401 - of custom_llm
    return {"llm": "custom-llm", "custom_llm": {"url": brain.base_url, "model_id": "own", **more}}


def asked(sdk: ElevenLabs, house: House, document: Json, **options: Any) -> tuple[str, Json]:  # noqa: ANN401
    """The reply to one question, and the record."""
    with chat(sdk, house.create(document), **options) as talk:
        reply = talk.ask("Are you open?", 1)
    return reply, house.ended(talk.call.wait_for_session_end() or "")


def usage_of(record: Json, kind: str = "irreversible_generation") -> Json:
    found: Json = record["metadata"]["charging"]["llm_usage"][kind]["model_usage"]
    return found


# --- routes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("llm", "model"),
    [
        ("gpt-4o", "first"),
        ("claude-sonnet-4@20250514", "second"),
        ("qwen35-35b-a3b", "qwen35-35b-a3b"),
        ("gemini-2.5-flash", "engine"),
        ("made-up", "engine"),
    ],
)
def test_each_name_reaches_its_backend(
    sdk: ElevenLabs, routed: House, brain: Brain, llm: str, model: str
) -> None:
    prompt = brain.learn(YES)
    reply, record = asked(sdk, routed, thinking(prompt, llm))
    assert reply == ANSWER
    assert brain.models(prompt) == [model]
    [turn] = [turn for turn in record["transcript"] if turn["role"] == "agent"]
    assert turn["producing_llm"] == model
    assert turn["llm_usage"]["model_usage"][model]["output_total"]["tokens"] > 0
    assert list(usage_of(record)) == [model]


def test_an_override_of_the_model_is_on_record(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    permitted = {
        "overrides": {
            "conversation_config_override": {
                "agent": {"prompt": {"llm": True}},
                "conversation": {"text_only": True},
            }
        }
    }
    prompt = brain.learn(YES)
    override = {"agent": {"prompt": {"llm": "claude-haiku-4-5"}}}
    config = ConversationInitiationData(conversation_config_override=override)
    _, record = asked(sdk, routed, thinking(prompt, more=permitted), config=config)
    assert brain.models(prompt) == ["second"]
    assert record["transcript"][-1]["llm_override"] == "claude-haiku-4-5"


def test_parameters_reach_the_model(sdk: ElevenLabs, routed: House, brain: Brain) -> None:
    prompt = brain.learn(YES)
    document = thinking(
        prompt,
        temperature=0.4,
        max_tokens=77,
        reasoning_effort="low",
        enable_parallel_tool_calls=False,
        tools=[client_tool("look", "Look out.")],
        service_tier="fast",
    )
    _, record = asked(sdk, routed, document)
    [told] = brain.heard(prompt)
    assert (told["temperature"], told["max_tokens"], told["reasoning_effort"]) == (0.4, 77, "low")
    assert told["parallel_tool_calls"] is False
    assert told["service_tier"] == "priority"
    assert record["metadata"]["warnings"] == []


def test_a_tier_that_nobody_asks_for_is_on_record(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    for tier, warned in (("fast", True), ("standard", False)):
        prompt = brain.learn(YES)
        _, record = asked(sdk, routed, thinking(prompt, **own(brain), service_tier=tier))
        [told] = brain.heard(prompt)
        assert "service_tier" not in told
        ignored = "llm: own: service_tier 'fast' has no effect: none is asked for"
        assert record["metadata"]["warnings"] == ([ignored] if warned else [])


def test_thoughts_are_on_record_where_the_owner_wants_them(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    choice = {"index": 0, "delta": {"reasoning_content": "Hm."}, "finish_reason": None}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    thinks = Raw(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())
    for wanted in (True, False):
        document = thinking(brain.learn([thinks, "Yes."]), enable_reasoning_summary=wanted)
        reply, record = asked(sdk, routed, document)
        assert reply == "Yes."
        summaries = [each["summary"] for each in record["transcript"][-1]["reasoning"]]
        assert summaries == (["Hm."] if wanted else [])


def test_thoughts_reach_a_client_that_wants_them(routed: House, brain: Brain) -> None:
    def thinks(words: str) -> Raw:
        choice = {"index": 0, "delta": {"reasoning_content": words}, "finish_reason": None}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return Raw(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())

    document = thinking(
        brain.learn([thinks("Hm. "), thinks("So."), "Yes."]), enable_reasoning_summary=True
    )
    wanted = ["agent_response", "agent_reasoning_response_part"]
    told = {"conversation": {"text_only": True, "client_events": wanted}}
    init = {**INIT, "conversation_config_override": told}
    with Caller(routed.socket_url(routed.create(document)), init) as caller:
        caller.write("Are you open?")
        number = caller.wait("agent_response")["agent_response_event"]["event_id"]
    kind = "agent_reasoning_response_part"
    parts = [each.message["reasoning_response_part"] for each in caller.of(kind)]
    assert [(each["type"], each["text"]) for each in parts] == [
        ("start", ""),
        ("delta", "Hm. "),
        ("delta", "So."),
        ("stop", ""),
    ]
    assert {each["event_id"] for each in parts} == {str(number)}


def test_what_is_null_or_unlimited_is_not_sent(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    prompt = brain.learn(YES)
    asked(sdk, routed, thinking(prompt, temperature=None, max_tokens=-1))
    [told] = brain.heard(prompt)
    assert not told.keys() & {"temperature", "max_tokens", "max_completion_tokens"}
    assert not told.keys() & {"reasoning_effort", "parallel_tool_calls", "user_id"}


# --- backups ------------------------------------------------------------------------------------

OVERRIDE: Json = {"preference": "override", "order": ["claude-haiku-4-5"]}


@pytest.mark.parametrize(
    "first",
    [
        [Fail(503)],
        [Fail(401)],
        [Fail(429, {"Retry-After": "20"})],
        [Raw(b"data: {nonsense\n\n")],
        [Cut()],
        [],
        [Wait(30)],
    ],
    ids=["fails", "refuses", "is busy", "garbage", "cut", "empty", "slow"],
)
def test_the_backup_answers(
    sdk: ElevenLabs, routed: House, brain: Brain, first: list[Step]
) -> None:
    answers: ByModel = {"first": first, "second": YES}
    prompt = brain.learn(answers)
    document = thinking(prompt, backup_llm_config=OVERRIDE, cascade_timeout_seconds=2)
    began = time.monotonic()
    reply, record = asked(sdk, routed, document)
    assert reply == ANSWER
    assert time.monotonic() - began < 20
    assert brain.models(prompt) == ["first", "second"]
    assert said(record, "agent") == [ANSWER]
    [turn] = [turn for turn in record["transcript"] if turn["role"] == "agent"]
    assert turn["producing_llm"] == "second"
    assert record["status"] == "done"
    [warning] = record["metadata"]["warnings"]
    assert warning.startswith("llm: first: provider_")


def test_the_servers_own_backups_are_its_rows_from_the_top(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    prompt = brain.learn({"first": [Fail(500)], "second": [Fail(500)], "engine": YES})
    reply, _ = asked(sdk, routed, thinking(prompt))
    assert reply == ANSWER
    assert brain.models(prompt) == ["first", "second", "engine"]


def test_nobody_else_is_asked_where_backups_are_disabled(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    prompt = brain.learn([Fail(503)])
    reply, _ = asked(sdk, routed, thinking(prompt, backup_llm_config={"preference": "disabled"}))
    assert reply == APOLOGY
    assert brain.models(prompt) == ["first"] * 3


def test_a_busy_model_alone_is_left_alone_for_a_moment(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    busy: list[list[Step]] = [[Fail(429, {"Retry-After": "1"})], YES]
    prompt = brain.learn(lambda _: busy.pop(0))
    began = time.monotonic()
    reply, _ = asked(sdk, routed, thinking(prompt, backup_llm_config={"preference": "disabled"}))
    assert reply == ANSWER
    assert time.monotonic() - began > 1


def test_nobody_else_is_asked_once_words_were_said(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    prompt = brain.learn({"first": ["We are ", Wait(0.3), Cut()], "second": YES})
    _, record = asked(sdk, routed, thinking(prompt, backup_llm_config=OVERRIDE))
    assert brain.models(prompt) == ["first"]
    assert said(record, "agent")[0] == "We are"


def _given_up(talk: Chat) -> tuple[int | None, str | None]:
    for number in (1, 2, 3):
        talk.ask(f"Question {number}", number)
    gone = talk.gone()
    return gone.close_code, gone.close_reason


def test_when_all_fail_the_conversation_ends(sdk: ElevenLabs, routed: House, brain: Brain) -> None:
    prompt = brain.learn([Fail(503)])
    document = thinking(prompt, backup_llm_config=OVERRIDE)
    with chat(sdk, routed.create(document)) as talk:
        code, reason = _given_up(talk)
    assert code == 1002
    assert reason == "No language model could answer, nor any of its backups."
    record = routed.ended(talk.call.wait_for_session_end() or "")
    assert record["status"] == "failed"
    assert record["metadata"]["error"] == {"code": 1002, "reason": reason}
    assert brain.models(prompt) == ["first", "second", "first"] * 3
    assert any("cascade_brain_error" in each for each in record["metadata"]["warnings"])


def test_the_error_says_that_all_have_failed(routed: House, brain: Brain) -> None:
    agent_id = routed.create(thinking(brain.learn([Fail(503)]), backup_llm_config=OVERRIDE))
    with Caller(routed.socket_url(agent_id), AS_TEXT) as caller:
        for number in (1, 2, 3):
            caller.write(f"Question {number}")
            caller.wait("agent_response", number)
        error = caller.wait("error")["error_event"]
    assert (error["code"], error["error_type"]) == (1002, "cascade_brain_error")


# --- hedging ------------------------------------------------------------------------------------


def test_a_model_that_hangs_is_asked_again_and_both_are_paid(
    make_house: MakeHouse, brain: Brain
) -> None:
    house = make_house(
        LLM="openai", LLM_BASE_URL=brain.base_url, LLM_MODEL="engine", LLM_HEDGING="true"
    )
    asked_before = LEAST  # so many requests make something usual
    hangs = [False] * asked_before + [True]

    def script(_: list[Json]) -> list[Step]:
        return [Wait(60), "Too late."] if hangs and hangs.pop(0) else YES

    prompt = brain.learn(script)
    agent_id = house.create(thinking(prompt))
    with Caller(house.socket_url(agent_id), AS_TEXT) as caller:
        conversation_id = caller.conversation_id
        for number in range(1, asked_before + 2):
            caller.write("Are you open?")
            caller.wait("agent_response", number)
    record = house.ended(conversation_id)
    assert said(record, "agent") == [ANSWER] * (asked_before + 1)
    assert len(brain.heard(prompt)) == asked_before + 2
    begun, kept = (
        usage_of(record, kind)["engine"]["input"]["tokens"]
        for kind in ("initiated_generation", "irreversible_generation")
    )
    assert begun > kept > 0


# --- the agent's own ----------------------------------------------------------------------------


def test_what_an_agents_own_model_is_sent(sdk: ElevenLabs, routed: House, brain: Brain) -> None:
    def stored(path: str, body: Json) -> Json:
        found = httpx.post(f"{routed.url}{path}", json=body, headers={"xi-api-key": KEY})
        assert found.status_code == 200, found.text
        return dict(found.json())

    secret = stored("/v1/convai/secrets", {"type": "new", "name": "key", "value": "S3CRET"})
    values = {"production": "eu", "staging": "test"}
    variable = {"type": "string", "label": "region", "values": values}
    stored("/v1/convai/environment-variables", variable)
    prompt = brain.learn(YES)
    headers = {
        "X-Shop": "7",
        "X-Key": {"secret_id": secret["secret_id"]},
        "X-Caller": {"variable_name": "caller"},
        "X-Region": {"env_var_label": "region"},
    }
    document = thinking(
        prompt,
        **own(brain, api_key={"secret_id": secret["secret_id"]}, request_headers=headers),
        temperature=0.7,
        max_tokens=1000,
        tools=[client_tool("look", "Look out.", "where")],
        more={
            "overrides": {
                "custom_llm_extra_body": True,
                "conversation_config_override": {"conversation": {"text_only": True}},
            }
        },
    )
    config = ConversationInitiationData(
        extra_body={"UUID": "u-1"}, dynamic_variables={"caller": "Ada"}, user_id="ada"
    )
    reply, record = asked(sdk, routed, document, config=config, user_id="ada")
    assert reply == ANSWER
    [body] = brain.heard(prompt)
    system, question = body.pop("messages")
    assert (system["role"], prompt in system["content"]) == ("system", True)
    assert question == {"role": "user", "content": "Are you open?"}
    [tool] = body.pop("tools")
    assert tool["type"] == "function"
    assert tool["function"]["name"] == "look"
    assert tool["function"]["parameters"]["required"] == ["where"]
    assert body == {
        "model": "own",
        "temperature": 0.7,
        "max_tokens": 1000,
        "stream": True,
        "user_id": "ada",
        "elevenlabs_extra_body": {"UUID": "u-1"},
    }
    [seen] = brain.headers[prompt.strip("[]")]
    assert seen["authorization"] == "Bearer S3CRET"
    assert (seen["x-shop"], seen["x-key"], seen["x-caller"]) == ("7", "S3CRET", "Ada")
    assert seen["x-region"] == "eu"
    assert record["transcript"][-1]["producing_llm"] == "own"
    assert "S3CRET" not in json.dumps(record)
    assert "S3CRET" not in routed.log.read_text(errors="replace")


@pytest.mark.parametrize(("allowed", "body"), [(False, {"UUID": "1"}), (True, {}), (True, None)])
def test_an_extra_body_needs_permission_and_content(
    sdk: ElevenLabs, routed: House, brain: Brain, *, allowed: bool, body: Json | None
) -> None:
    prompt = brain.learn(YES)
    overrides = {
        "custom_llm_extra_body": allowed,
        "conversation_config_override": {"conversation": {"text_only": True}},
    }
    document = thinking(prompt, **own(brain), more={"overrides": overrides})
    asked(sdk, routed, document, config=ConversationInitiationData(extra_body=body))
    [told] = brain.heard(prompt)
    assert not told.keys() & {"elevenlabs_extra_body", "UUID", "user_id"}


def test_the_path_may_be_in_the_url(sdk: ElevenLabs, routed: House, brain: Brain) -> None:
    prompt = brain.learn(YES)
    url = f"{brain.base_url}/chat/completions"
    reply, _ = asked(sdk, routed, thinking(prompt, **own(brain, url=url)))
    assert reply == ANSWER


def test_an_agents_own_model_is_never_replaced(
    sdk: ElevenLabs, routed: House, brain: Brain
) -> None:
    prompt = brain.learn({"own": [Fail(503)], "first": YES, "engine": YES})
    document = thinking(prompt, **own(brain), backup_llm_config={"preference": "default"})
    with chat(sdk, routed.create(document)) as talk:
        code, reason = _given_up(talk)
    assert (code, reason) == (1002, "The agent's own language model could not answer.")
    assert brain.models(prompt) == ["own"] * 9
    record = routed.ended(talk.call.wait_for_session_end() or "")
    assert record["metadata"]["error"]["code"] == 1002
    assert any("custom_llm_error" in each for each in record["metadata"]["warnings"])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"api_type": "websocket"}, "api_type 'websocket' is not spoken here"),
        ({"request_headers": {"X-K": {"env_var_label": "nowhere"}}}, "variable 'nowhere'"),
        ({"url": "ftp://x"}, "url should begin with https://"),
    ],
)
def test_what_cannot_work_is_said_at_the_beginning(
    routed: House, brain: Brain, more: Json, reason: str
) -> None:
    agent_id = routed.create(thinking(brain.learn(YES), **own(brain, **more)))
    with Caller(routed.socket_url(agent_id), AS_TEXT) as caller:
        error = caller.wait("error")["error_event"]
        assert caller.wait_for_close()[0] == 1002
    assert (error["code"], error["error_type"]) == (1002, "custom_llm_error")
    assert reason in error["message"]
    assert reason in routed.newest_of(agent_id)["metadata"]["termination_reason"]


def test_it_must_not_lead_into_the_servers_own_network(make_house: MakeHouse, brain: Brain) -> None:
    house = make_house(LLM="scripted")
    prompt = brain.learn(YES)
    document = thinking(prompt, **own(brain, url=brain.base_url.replace("http:", "https:")))
    agent_id = house.create(document)
    with Caller(house.socket_url(agent_id), AS_TEXT) as caller:
        conversation_id = caller.conversation_id
        caller.write("Are you open?")
        caller.wait("agent_response")
    warnings = house.ended(conversation_id)["metadata"]["warnings"]
    assert any("must not lead" in each for each in warnings)
    assert brain.heard(prompt) == []


def test_buffer_words_are_spoken_at_once(routed: House, brain: Brain) -> None:
    prompt = brain.learn(["Let me see... ", Wait(4), "It is nine."])
    agent_id = routed.create(thinking(prompt, **own(brain)))
    with Caller(routed.socket_url(agent_id), INIT) as caller:
        conversation_id = caller.conversation_id
        began = time.monotonic()
        caller.write("When do you open?")
        caller.wait("audio")
        first = caller.of("audio")[0].at - began
        caller.wait("agent_response")
        caller.wait_for_quiet(3.0)  # a voice may take its time on a busy machine
    assert first < 3.5
    assert said(routed.ended(conversation_id), "agent") == ["Let me see... It is nine."]
