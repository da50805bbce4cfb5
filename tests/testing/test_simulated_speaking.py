from turnwise.testing.agenda import Agenda
from turnwise.testing.chance import seeded
from turnwise.testing.latency import Fixed, Never, Uniform
from turnwise.testing.providers import Voice
from turnwise.testing.speaking import Speaking
from turnwise.turns.events import Event, ReplyId, SpeechFailed, Voiced

ONE, TWO = ReplyId(1), ReplyId(2)
VOICE = Voice(first_sound=Fixed(100), ms_per_char=10, flush_ms=250)


def rows(agenda: Agenda) -> list[tuple[int, Event]]:
    """Let all that was noted happen."""
    found: list[tuple[int, Event]] = []
    while agenda.next_at is not None:
        at, entry = agenda.pop()
        if entry.crossed_out:
            continue
        if callable(entry.what):
            entry.what(at)
        else:
            found.append((at, entry.what))
    return found


def spoken(*said: tuple[int, str], voice: Voice = VOICE) -> list[tuple[int, Event]]:
    agenda = Agenda()
    speaking = Speaking(voice, seeded(0), agenda)
    for at, text in said:
        speaking.speak(ONE, text, at)
    return rows(agenda)


def test_each_sentence_is_a_sound() -> None:
    assert spoken((0, "One. Two? ")) == [
        (100, Voiced(ONE, 5, 40)),
        (100, Voiced(ONE, 5, 40)),
    ]


def test_a_sentence_is_voiced_when_it_is_complete() -> None:
    assert spoken((0, "One "), (50, "two. "), (90, "Three. ")) == [
        (150, Voiced(ONE, 9, 80)),
        (190, Voiced(ONE, 7, 60)),
    ]


def test_what_is_no_sentence_is_voiced_when_nothing_follows() -> None:
    assert spoken((0, "One"), (200, " two")) == [(200 + 250 + 100, Voiced(ONE, 7, 70))]


def test_a_flush_voices_at_once_what_is_left() -> None:
    agenda = Agenda()
    speaking = Speaking(VOICE, seeded(0), agenda)
    speaking.speak(ONE, "One", 0)
    speaking.flush(ONE, 10)
    speaking.flush(ONE, 20)
    speaking.flush(TWO, 20)
    assert rows(agenda) == [(110, Voiced(ONE, 3, 30))]


def test_each_character_is_covered_once() -> None:
    text = 'He said "no." And then... nothing!  Well, (perhaps.) It was 3.5, was it not'
    pieces = [(n * 30, text[n : n + 3]) for n in range(0, len(text), 3)]
    sounds = [event for _, event in spoken(*pieces) if isinstance(event, Voiced)]
    assert sum(sound.chars for sound in sounds) == len(text)
    assert sum(sound.chars for sound in sounds[:2]) == text.index("nothing!")


def test_blanks_alone_are_silent_and_wait_for_no_provider() -> None:
    assert spoken((0, "  ")) == [(250, Voiced(ONE, 2, 0))]


def test_sounds_keep_their_order_however_late_they_are() -> None:
    sounds = spoken((0, "a. b. c. d. e. f. "), voice=Voice(first_sound=Uniform(0, 1_000)))
    assert [at for at, _ in sounds] == sorted(at for at, _ in sounds)
    assert len(sounds) == 6


def test_a_voice_that_hangs_says_nothing_more() -> None:
    assert spoken((0, "One. "), (10, "Two. "), voice=Voice(first_sound=Never())) == []


def test_a_voice_that_fails_says_so_once() -> None:
    voice = Voice(first_sound=Fixed(100), fails=1.0)
    assert [type(e) for _, e in spoken((0, "One. Two. "), voice=voice)] == [SpeechFailed]
