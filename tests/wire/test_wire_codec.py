import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from turnwise.audio.alignment import Alignment
from turnwise.wire.client_messages import (
    ClientMessage,
    ConversationInitiationClientData,
    TypedClientMessage,
    Unknown,
    UserAudioChunk,
    UserMessage,
)
from turnwise.wire.codec import Limits, decode, decode_server, encode
from turnwise.wire.errors import WireError
from turnwise.wire.server_messages import Audio, Ping, ServerMessage
from turnwise.wire.tool_messages import ClientToolCall

GOLDEN = {path.stem: path for path in (Path(__file__).parent / "golden").glob("*.json")}
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.jsonl"))


def type_of(message: type[BaseModel]) -> str:
    default = message.model_fields["type"].default
    assert isinstance(default, str)
    return default


CLIENT = {type_of(kind) for kind in get_args(TypedClientMessage)} | {"user_audio_chunk"}
SERVER = {type_of(kind) for kind in get_args(ServerMessage) if kind is not Audio} | {"audio"}


def test_there_is_one_golden_sample_of_each_message() -> None:
    assert set(GOLDEN) == CLIENT | SERVER
    assert not CLIENT & SERVER
    unions = set(get_args(ClientMessage)) - {Unknown, UserAudioChunk}
    assert unions == set(get_args(TypedClientMessage))


@pytest.mark.parametrize("kind", sorted(CLIENT))
def test_a_golden_client_message_survives(kind: str) -> None:
    text = GOLDEN[kind].read_text(encoding="utf-8")
    message = decode(text)
    assert not isinstance(message, Unknown)
    assert json.loads(encode(message)) == json.loads(text)
    assert decode(encode(message)) == message


@pytest.mark.parametrize("kind", sorted(SERVER))
def test_a_golden_server_message_survives(kind: str) -> None:
    text = GOLDEN[kind].read_text(encoding="utf-8")
    message = decode_server(text)
    assert not isinstance(message, Unknown)
    assert json.loads(encode(message)) == json.loads(text)
    assert decode_server(encode(message)) == message


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_what_published_clients_send_is_understood(sample: Path) -> None:
    for line in sample.read_text(encoding="utf-8").splitlines():
        message = decode(line)
        assert not isinstance(message, Unknown), line[:60]
        again = json.loads(encode(message))
        assert again == json.loads(line)


def test_published_clients_begin_with_their_first_message() -> None:
    assert len(SAMPLES) == 7
    for sample in SAMPLES:
        first = decode(sample.read_text(encoding="utf-8").splitlines()[0])
        assert isinstance(first, ConversationInitiationClientData)


def test_sound_is_read_with_or_without_a_type() -> None:
    sound = base64.b64encode(b"\x01\x02\x03").decode()
    assert decode(f'{{"user_audio_chunk": "{sound}"}}') == UserAudioChunk(b"\x01\x02\x03")
    typed = json.dumps({"type": "user_audio_chunk", "user_audio_chunk": sound})
    assert decode(typed.encode()) == UserAudioChunk(b"\x01\x02\x03")
    assert decode('{"user_audio_chunk": ""}') == UserAudioChunk(b"")


def test_an_unknown_type_is_no_error_and_survives() -> None:
    message = decode('{"type": "brand_new", "a": {"b": null}}')
    assert message == Unknown("brand_new", {"type": "brand_new", "a": {"b": None}})
    assert json.loads(encode(message)) == {"type": "brand_new", "a": {"b": None}}
    assert decode_server('{"type": "brand_new"}') == Unknown("brand_new", {"type": "brand_new"})


def test_unknown_fields_and_nulls_survive() -> None:
    sent = {
        "type": "conversation_initiation_client_data",
        "user_id": None,
        "source_info": {"source": "x", "sdk": [1, None]},
        "new": {"deep": [None]},
    }
    assert json.loads(encode(decode(json.dumps(sent)))) == sent


def test_what_is_built_here_says_its_type_and_only_what_was_given() -> None:
    assert json.loads(encode(UserMessage(text="hi"))) == {"type": "user_message", "text": "hi"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("nonsense words of the user", "not JSON (at character"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 2000, "not JSON"),
        ("[1, 2]", "the message is a list of 2; it should be an object"),
        ('"hello there, this is said"', "the message is 'hello there,…' (25 characters)"),
        ("true", "the message is true;"),
        ("{}", "the message has no type; only user_audio_chunk goes without one"),
        ('{"type": null}', "has no type"),
        ('{"type": 5}', "type is 5; it should be a text"),
        ('{"user_audio_chunk": "%%%%"}', "user_audio_chunk is not base64 (4 characters)"),
        ('{"user_audio_chunk": "AAA"}', "user_audio_chunk is not base64"),
        ('{"user_audio_chunk": null}', "user_audio_chunk is null; it should be base64"),
        ('{"user_audio_chunk": {"a": 1}}', "user_audio_chunk is an object with 1 members"),
        (
            '{"type": "client_tool_result", "result": "x"}',
            "client_tool_result.tool_call_id is miss",
        ),
        (
            '{"type": "client_tool_result", "tool_call_id": "c", "result": {"a": 1}}',
            "client_tool_result.result is an object with 1 members; it should be a valid string",
        ),
        (
            '{"type": "client_tool_result", "tool_call_id": "c", "result": null}',
            "client_tool_result.result is null",
        ),
        ('{"type": "client_tool_result", "tool_call_id": "c", "result": 3}', "result is 3"),
        ('{"type": "feedback", "event_id": 1, "score": "meh!"}', "feedback.score is 'me…'"),
        ('{"type": "user_message", "text": ["a"]}', "user_message.text is a list of 1"),
        ('{"type": "contextual_update"}', "contextual_update.text is missing"),
        (
            '{"type": "conversation_initiation_client_data", "dynamic_variables": 123456789012345}',
            "dynamic_variables is 123456789012…; it should be a valid dictionary",
        ),
    ],
)
def test_a_malformed_message_is_refused_with_a_reason(text: str | bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        decode(text)
    assert reason in str(caught.value)
    assert (caught.value.close_code, caught.value.error_type) == (1008, "invalid_message")


def test_a_message_may_not_be_too_long_or_too_deep() -> None:
    limits = Limits(frame_bytes=100, depth=4)
    with pytest.raises(WireError, match="101 characters; at most 100"):
        decode(" " * 101, limits)
    fits = '{"type": "x", "a": {"b": {"c": [1]}}}'
    assert isinstance(decode(fits, limits), Unknown)
    with pytest.raises(WireError, match="deeper than 4 levels"):
        decode('{"type": "x", "a": {"b": {"c": [[]]}}}', limits)


def test_half_a_surrogate_pair_and_very_large_numbers_do_not_stop_a_message() -> None:
    for value in ("\ud83d", 2**70):
        message = ClientToolCall(
            tool_name="t",
            tool_call_id="c",
            parameters={"x": value},
            event_id=1,
            expects_response=True,
        )
        assert json.loads(encode(message))["client_tool_call"]["parameters"] == {"x": value}


def test_an_alignment_is_left_out_not_null() -> None:
    assert encode(Audio(3, b"\x00\x01")) == (
        '{"type":"audio","audio_event":{"audio_base_64":"AAE=","event_id":3}}'
    )
    assert encode(Audio(3, b"", Alignment())) == (
        '{"type":"audio","audio_event":{"audio_base_64":"","event_id":3}}'
    )


def test_ping_ms_is_there_although_it_is_not_known() -> None:
    assert encode(Ping(event_id=1)) == '{"type":"ping","ping_event":{"event_id":1,"ping_ms":null}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"type": "audio"}', "audio.audio_event is null"),
        ('{"type": "audio", "audio_event": {"audio_base_64": "AA=="}}', "incomplete"),
        (
            '{"type":"audio","audio_event":{"audio_base_64":"","alignment":{"chars":["a"]}}}',
            "incomplete",
        ),
        ('{"type": "ping", "ping_event": 3}', "ping.ping_event is 3"),
        ('{"type": "ping"}', "ping.ping_event.event_id is missing"),
        ('{"type": "ping", "ping_event": {"event_id": 0}}', "greater than or equal to 1"),
    ],
)
def test_a_malformed_server_message_is_refused_too(text: str, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        decode_server(text)


@given(st.binary(max_size=2000), st.integers(1, 2**40), st.text(max_size=20), st.booleans())
def test_sound_survives(sound: bytes, number: int, text: str, last: bool) -> None:  # noqa: FBT001
    assert decode(encode(UserAudioChunk(sound))) == UserAudioChunk(sound)
    clean = text.encode("utf-8", errors="ignore").decode()
    alignment = Alignment.estimate(clean, 100)
    plain = Alignment(alignment.chars, alignment.starts_ms, alignment.durations_ms)
    message = Audio(number, sound, plain if clean else None, is_final=last)
    assert decode_server(encode(message)) == message


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
objects = st.dictionaries(
    st.text(max_size=6),
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=6),
    max_size=4,
)


@given(objects, st.sampled_from(["brand_new", *sorted(CLIENT)]))
def test_anything_is_read_or_refused_and_never_crashes(members: dict[str, Any], kind: str) -> None:
    try:
        text = json.dumps({**members, "type": kind}, ensure_ascii=False)
        message = decode(text)
    except (WireError, UnicodeEncodeError):
        return
    again = decode(encode(message))
    assert again == message


@given(objects)
def test_parameters_of_a_tool_survive(parameters: dict[str, Any]) -> None:
    message = ClientToolCall(
        tool_name="t",
        tool_call_id="c",
        parameters=parameters,
        event_id=7,
        expects_response=False,
    )
    try:
        text = encode(message)
    except UnicodeEncodeError:
        return
    assert decode_server(text) == message


@given(st.text(max_size=40))
def test_any_text_is_a_message_or_malformed(text: str) -> None:
    with suppress(WireError):
        decode(text)
