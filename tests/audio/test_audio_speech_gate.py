import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio.speech_gate import GateSettings, Offset, Onset, SpeechGate
from turnwise.base.errors import ConfigError

Events = list[Onset | Offset]


def feed(gate: SpeechGate, *probabilities: float) -> Events:
    events = [gate.push(probability) for probability in probabilities]
    return [event for event in events if event is not None]


def test_speech_begins_when_enough_of_it_is_over() -> None:
    assert feed(SpeechGate(), 0.1, 0.9, 0.9, 0.9) == [Onset(at_ms=96, speech_ms=64)]


def test_a_short_noise_does_not_begin_speech() -> None:
    assert feed(SpeechGate(), 0.9, 0.1, 0.9, 0.1, 0.9, 0.1) == []


def test_speech_stops_when_enough_silence_is_over() -> None:
    events = feed(SpeechGate(), 0.9, 0.9, *[0.1] * 9)
    assert events == [Onset(at_ms=64, speech_ms=64), Offset(at_ms=224, silence_ms=160)]


def test_a_short_pause_does_not_stop_speech() -> None:
    gate = SpeechGate()
    assert feed(gate, 0.9, 0.9, *[0.1] * 4, 0.9, *[0.1] * 4) == [Onset(64, 64)]
    assert gate.speaking
    assert feed(gate, 0.1) == [Offset(384, 160)]
    assert not gate.speaking


def test_a_frame_between_the_thresholds_is_what_the_one_before_was() -> None:
    assert feed(SpeechGate(), *[0.4] * 50) == []
    assert feed(SpeechGate(), 0.5, 0.4) == [Onset(64, 64)]
    assert feed(SpeechGate(), 0.9, 0.9, *[0.4] * 50) == [Onset(64, 64)]
    assert feed(SpeechGate(), 0.9, 0.9, 0.3, *[0.4] * 4) == [Onset(64, 64), Offset(224, 160)]


def test_a_frame_at_the_lower_threshold_is_not_silence_yet() -> None:
    assert feed(SpeechGate(), 0.9, *[0.35] * 50) == [Onset(64, 64)]


def test_times_are_rounded_up_to_whole_frames() -> None:
    gate = SpeechGate(GateSettings(frame_ms=10, start_ms=11, stop_ms=1))
    assert feed(gate, 1, 1, 0) == [Onset(20, 20), Offset(30, 10)]


def test_a_reset_begins_a_new_stream() -> None:
    gate = SpeechGate()
    feed(gate, 0.1, 0.9, 0.9, 0.9)
    gate.reset()
    assert gate.at_ms == 0
    assert not gate.speaking
    assert feed(gate, 0.9) == []
    assert feed(gate, 0.9) == [Onset(64, 64)]
    assert gate.at_ms == 64


@given(
    probabilities=st.lists(st.floats(0, 1), max_size=200),
    frame_ms=st.integers(1, 50),
    start_ms=st.integers(1, 200),
    stop_ms=st.integers(1, 300),
)
def test_events_alternate_and_each_has_its_reason(
    probabilities: list[float], frame_ms: int, start_ms: int, stop_ms: int
) -> None:
    settings = GateSettings(frame_ms=frame_ms, start_ms=start_ms, stop_ms=stop_ms)
    events = feed(SpeechGate(settings), *probabilities)
    assert [type(event) for event in events] == ([Onset, Offset] * len(events))[: len(events)]
    for event in events:
        ended = event.at_ms // frame_ms
        if isinstance(event, Onset):
            run = probabilities[ended - event.speech_ms // frame_ms : ended]
            assert run[0] >= settings.start_probability
            assert min(run) >= settings.stop_probability
            assert start_ms <= event.speech_ms < start_ms + frame_ms
        else:
            run = probabilities[ended - event.silence_ms // frame_ms : ended]
            assert run[0] < settings.stop_probability
            assert max(run) < settings.start_probability
            assert stop_ms <= event.silence_ms < stop_ms + frame_ms


@pytest.mark.parametrize("name", ["frame_ms", "start_ms", "stop_ms"])
def test_a_time_of_zero_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is 0; it must be 1 or more"):
        GateSettings(**{name: 0})


@pytest.mark.parametrize(
    ("stop", "start"), [(0, 0.5), (0.6, 0.5), (0.35, 1.1), (-1, 0.5), (math.nan, 0.5)]
)
def test_thresholds_in_the_wrong_order_are_refused(stop: float, start: float) -> None:
    with pytest.raises(ConfigError, match="0 < stop <= start <= 1"):
        GateSettings(stop_probability=stop, start_probability=start)
