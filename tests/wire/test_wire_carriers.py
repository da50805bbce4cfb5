"""What Twilio and Telnyx say, as their public pages show it, and what is said to them."""

import base64
import json
from typing import Any

import pytest

from turnwise.wire.carriers import (
    MOST_CHARS,
    CarrierEvent,
    Dialect,
    KeyPressed,
    MarkReached,
    NothingSaid,
    SoundArrived,
    StreamStarted,
    StreamStopped,
)
from turnwise.wire.errors import WireError
from turnwise.wire.telnyx import Telnyx
from turnwise.wire.twilio import Twilio

Json = dict[str, Any]

SOUND = bytes(range(160))
PAYLOAD = base64.b64encode(SOUND).decode()
MZ, CA, AC = "MZ18ad3ab5a668481ce02b83e7395059f0", "CA388d7d6e5f1c8ba6", "AC5ef8732a3c49700934"
CALL = "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
DIALECTS: dict[str, Dialect] = {"twilio": Twilio(), "telnyx": Telnyx()}


def twilio_start(**changes: Any) -> Json:  # noqa: ANN401
    start = {
        "accountSid": AC,
        "streamSid": MZ,
        "callSid": CA,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "count": 5},
    }
    known = {"event": "start", "sequenceNumber": "1", "streamSid": MZ}
    return {**known, "start": start | changes}


def telnyx_start(**changes: Any) -> Json:  # noqa: ANN401
    start = {
        "user_id": "3E6F995F",
        "call_control_id": CALL,
        "from": "+13122010094",
        "to": "+13122123456",
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "custom_parameters": {"customer_id": "customer_123"},
        "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
    }
    return {"event": "start", "stream_id": "32DE0DEA", "start": start | changes}


def media(**more: Any) -> Json:  # noqa: ANN401
    return {"event": "media", "media": {"payload": PAYLOAD, **more}}


SAID: list[tuple[str, Json, CarrierEvent]] = [
    ("twilio", {"event": "connected", "protocol": "Call", "version": "1.0.0"}, NothingSaid()),
    (
        "twilio",
        twilio_start(),
        StreamStarted(stream_id=MZ, call_id=CA, parameters={"FirstName": "Jane"}),
    ),
    (
        "twilio",
        twilio_start(mediaFormat=None, customParameters=None),
        StreamStarted(stream_id=MZ, call_id=CA),
    ),
    (
        "twilio",
        {"event": "start", "streamSid": "a_b-1", "start": {"callSid": CA}},
        StreamStarted(stream_id="a_b-1", call_id=CA),
    ),
    ("twilio", media(track="inbound", chunk="2", timestamp="5"), SoundArrived(SOUND, 2)),
    ("twilio", media(track="outbound", chunk="2"), NothingSaid()),
    ("twilio", media(), SoundArrived(SOUND)),
    ("twilio", media(chunk=True), SoundArrived(SOUND)),
    ("twilio", media(chunk="x"), SoundArrived(SOUND)),
    ("twilio", {"event": "mark", "mark": {"name": "7"}}, MarkReached("7")),
    (
        "twilio",
        {"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "1"}},
        KeyPressed("1"),
    ),
    ("twilio", {"event": "stop", "stop": {"accountSid": AC, "callSid": CA}}, StreamStopped()),
    ("twilio", {"event": "of the future"}, NothingSaid()),
    ("telnyx", {"event": "connected", "version": "1.0.0"}, NothingSaid()),
    (
        "telnyx",
        telnyx_start(),
        StreamStarted(
            stream_id="32DE0DEA",
            call_id=CALL,
            caller="+13122010094",
            called="+13122123456",
            parameters={"customer_id": "customer_123"},
        ),
    ),
    ("telnyx", media(track="inbound", chunk=3), SoundArrived(SOUND, 3)),
    ("telnyx", media(track="outbound", chunk=3), NothingSaid()),
    ("telnyx", {"event": "mark", "mark": {"name": "7"}}, MarkReached("7")),
    ("telnyx", {"event": "dtmf", "dtmf": {"digit": "d"}}, KeyPressed("D")),
    ("telnyx", {"event": "stop", "stop": {"call_control_id": CALL}}, StreamStopped()),
    ("telnyx", {"event": "error", "payload": {"code": 100002}}, NothingSaid()),
]


@pytest.mark.parametrize(("carrier", "message", "event"), SAID)
def test_what_carriers_say_is_understood(carrier: str, message: Json, event: CarrierEvent) -> None:
    assert DIALECTS[carrier].read(json.dumps(message)) == event
    assert DIALECTS[carrier].read(json.dumps(message).encode()) == event


WRONG: list[tuple[str, Any, str]] = [
    ("twilio", "{nonsense", "the message is not JSON"),
    ("twilio", "[1]", "the message is a list of 1; it should be an object"),
    ("twilio", " " * (MOST_CHARS + 1), "at most 131072 are taken"),
    ("twilio", {}, "event is null; it should be a text"),
    ("twilio", {"event": "media"}, "media is null; it should be an object"),
    ("twilio", {"event": "media", "media": {}}, "media.payload is null; it should be base64"),
    ("twilio", media(payload="%%%"), "media.payload is not base64"),
    ("twilio", {"event": "mark", "mark": {}}, "mark.name is null"),
    ("twilio", {"event": "dtmf", "dtmf": {"digit": "12"}}, "it should be one key of a telephone"),
    ("twilio", twilio_start(streamSid=""), "start.streamSid is"),
    ("twilio", twilio_start(streamSid='MZ","x":"'), "it should be letters and digits"),
    ("twilio", twilio_start(callSid=None), "start.callSid is null"),
    (
        "twilio",
        twilio_start(mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": 16000}),
        "at 16000 Hz; it should be audio/x-mulaw at 8000 Hz",
    ),
    (
        "telnyx",
        telnyx_start(media_format={"encoding": "L16", "sample_rate": 16000}),
        "set stream_codec and stream_bidirectional_codec",
    ),
    ("telnyx", telnyx_start(media_format=None), "media_format is null"),
    ("telnyx", telnyx_start(call_control_id=7), "start.call_control_id is 7"),
]


@pytest.mark.parametrize(("carrier", "message", "reason"), WRONG)
def test_what_is_wrong_is_said(carrier: str, message: Json | str, reason: str) -> None:
    text = message if isinstance(message, str) else json.dumps(message)
    with pytest.raises(WireError) as wrong:
        DIALECTS[carrier].read(text)
    assert reason in str(wrong.value)


def test_what_twilio_is_told() -> None:
    twilio = Twilio()
    told = [twilio.sound(MZ, SOUND), twilio.mark(MZ, "7"), twilio.clear(MZ)]
    assert [json.loads(each) for each in told] == [
        {"event": "media", "streamSid": MZ, "media": {"payload": PAYLOAD}},
        {"event": "mark", "streamSid": MZ, "mark": {"name": "7"}},
        {"event": "clear", "streamSid": MZ},
    ]


def test_what_telnyx_is_told() -> None:
    telnyx = Telnyx()
    told = [telnyx.sound("s", SOUND), telnyx.mark("s", "7"), telnyx.clear("s")]
    assert [json.loads(each) for each in told] == [
        {"event": "media", "media": {"payload": PAYLOAD}},
        {"event": "mark", "mark": {"name": "7"}},
        {"event": "clear"},
    ]
