from itertools import pairwise

from turnwise.testing.agenda import Agenda
from turnwise.testing.chance import seeded
from turnwise.testing.hearing import WRONG, Hearing
from turnwise.testing.latency import Fixed, Never
from turnwise.testing.moves import Audible, Backchannel, Cough, Say, perform
from turnwise.testing.providers import Detector, Providers, Scorer, Transcriber
from turnwise.turns.commands import ScoreTurn
from turnwise.turns.events import (
    SPEECH_CONTINUED_MS,
    Event,
    PauseId,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    TurnScored,
)

EXACT = Transcriber(final=Fixed(150), tentative_ms=None)


def rows(agenda: Agenda) -> list[tuple[int, Event]]:
    found: list[tuple[int, Event]] = []
    while agenda.next_at is not None:
        at, entry = agenda.pop()
        if not entry.crossed_out:
            assert not callable(entry.what)
            found.append((at, entry.what))
    return found


def heard(
    *moves: tuple[int, Audible],
    detector: Detector | None = None,
    transcriber: Transcriber = EXACT,
) -> list[tuple[int, Event]]:
    agenda = Agenda()
    providers = Providers(detector=detector or Detector(), transcriber=transcriber)
    hearing = Hearing(providers, seeded(0), agenda)
    for at, move in moves:
        hearing.hear(perform(move, at))
    return rows(agenda)


def of(kind: type, events: list[tuple[int, Event]]) -> list[int]:
    return [at for at, event in events if isinstance(event, kind)]


def steps(times: list[int]) -> list[int]:
    return [b - a for a, b in pairwise(times)]


def test_speech_is_noticed_late_and_its_end_later() -> None:
    events = heard((1_000, Cough(500)), detector=Detector(onset_ms=60, offset_ms=200))
    assert (1_060, SpeechStarted()) in events
    assert (1_700, SpeechStopped(200)) in events


def test_speech_goes_on_being_noticed() -> None:
    events = heard((0, Cough(3_000)))
    times = [*of(SpeechStarted, events), *of(SpeechContinued, events), *of(SpeechStopped, events)]
    assert max(steps(times)) == SPEECH_CONTINUED_MS


def test_a_sound_too_short_is_not_noticed() -> None:
    assert heard((0, Cough(50)), detector=Detector(onset_ms=64)) == []


def test_a_pause_shorter_than_the_hangover_is_not_noticed() -> None:
    say = Say("one two", pauses=((1, 300),))
    assert len(of(SpeechStopped, heard((0, say), detector=Detector(offset_ms=299)))) == 2
    assert len(of(SpeechStopped, heard((0, say), detector=Detector(offset_ms=301)))) == 1


def test_two_sounds_close_to_each_other_are_one_to_a_slow_detector() -> None:
    events = heard((0, Cough(500)), (900, Cough(500)), detector=Detector(offset_ms=700))
    assert of(SpeechStarted, events) == [64]
    assert of(SpeechStopped, events) == [1_400 + 700]
    assert max(steps(of(SpeechContinued, events))) <= SPEECH_CONTINUED_MS


def test_the_final_text_comes_after_the_end() -> None:
    events = heard((0, Say("hello you", ms_per_char=100)))
    assert (1_000 + 150, Transcribed(SegmentId(1), "hello you", final=True)) in events


def test_tentative_texts_are_late_beginnings() -> None:
    say = Say("one two three", ms_per_char=100)
    transcriber = Transcriber(tentative_ms=400, lag_ms=50, final=Fixed(400))
    events = [e for _, e in heard((0, say), transcriber=transcriber) if isinstance(e, Transcribed)]
    assert [(e.text, e.final) for e in events] == [
        ("one", False),
        ("one two", False),
        ("one two three", False),
        ("one two three", True),
    ]


def test_nothing_tentative_comes_after_the_final_text() -> None:
    transcriber = Transcriber(tentative_ms=400, lag_ms=500, final=Fixed(0))
    events = heard((0, Say("one two three four")), transcriber=transcriber)
    transcribed = [e for _, e in events if isinstance(e, Transcribed)]
    assert transcribed[-1].final


def test_a_long_pause_begins_a_new_piece() -> None:
    say = Say("one two three", pauses=((1, 100), (2, 400)))
    events = [e for _, e in heard((0, say)) if isinstance(e, Transcribed)]
    assert [(e.segment, e.text) for e in events] == [(1, "one two"), (2, "three")]


def test_a_noise_has_no_words_and_a_backchannel_has() -> None:
    assert of(Transcribed, heard((0, Cough(500)))) == []
    assert len(of(Transcribed, heard((0, Backchannel("mhm"))))) == 1


def test_a_final_text_can_be_missing() -> None:
    for transcriber in (Transcriber(drops=1.0), Transcriber(final=Never())):
        events = [e for _, e in heard((0, Say("one two")), transcriber=transcriber)]
        texts = [e for e in events if isinstance(e, Transcribed)]
        assert texts
        assert not any(e.final for e in texts)


def test_a_wrong_final_text_is_amended() -> None:
    transcriber = Transcriber(tentative_ms=None, final=Fixed(100), amends=1.0, amend=Fixed(600))
    events = heard((0, Say("one", ms_per_char=100)), transcriber=transcriber)
    assert [(at, e.text) for at, e in events if isinstance(e, Transcribed)] == [
        (500, f"{WRONG} one"),
        (1_100, "one"),
    ]


def test_the_turn_model_knows_the_truth_but_for_its_noise() -> None:
    agenda = Agenda()
    scorer = Scorer(latency=Fixed(30), sure=0.9, noise=0.0)
    hearing = Hearing(Providers(scorer=scorer), seeded(0), agenda)
    hearing.score(ScoreTurn(PauseId(1)), 100, over=True)
    hearing.score(ScoreTurn(PauseId(2)), 200, over=False)
    (first, over), (second, pause) = rows(agenda)
    assert (first, over) == (130, TurnScored(PauseId(1), 0.9))
    assert (second, pause) == (230, TurnScored(PauseId(2), 1 - 0.9))


def test_a_score_is_a_probability_whatever_the_noise_is() -> None:
    agenda = Agenda()
    hearing = Hearing(Providers(scorer=Scorer(noise=5.0)), seeded(0), agenda)
    for pause in range(50):
        hearing.score(ScoreTurn(PauseId(pause)), 0, over=True)
    scores = [event.score for _, event in rows(agenda) if isinstance(event, TurnScored)]
    assert min(scores) == 0.0
    assert max(scores) == 1.0


def test_a_turn_model_may_hang() -> None:
    agenda = Agenda()
    hearing = Hearing(Providers(scorer=Scorer(latency=Never())), seeded(0), agenda)
    hearing.score(ScoreTurn(PauseId(1)), 0, over=True)
    assert agenda.next_at is None
