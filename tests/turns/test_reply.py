import pytest
from hypothesis import given
from hypothesis import strategies as st

from turns.scenes import ONE
from turnwise.base.units import Millis
from turnwise.turns.events import CallId
from turnwise.turns.reply import START, Reply, Sound, Text
from turnwise.turns.transcript import AgentSaid, ToolCalled


def a_reply(text: str = "") -> Reply:
    reply = Reply(ONE, None, START, START, START)
    if text:
        reply.write(text, START)
        reply.spoken = len(text)
    return reply


def at(ms: int) -> Millis:
    return Millis(ms)


def test_characters_without_timing_are_spread_evenly_over_their_sound() -> None:
    reply = a_reply("0123456789")
    reply.voice(10, 1_000, (), at(500))
    assert [reply.heard(at(ms)) for ms in (400, 500, 599, 600, 1_250, 1_499, 1_500, 9_000)] == [
        *(0, 0, 0, 1, 7, 9),
        *(10, 10),
    ]


def test_characters_with_timing_are_heard_when_the_synthesizer_says() -> None:
    reply = a_reply("abc")
    reply.voice(3, 1_000, (100, 900, 950), at(0))
    assert [reply.heard(at(ms)) for ms in (99, 100, 899, 900, 949, 950)] == [0, 1, 1, 2, 2, 3]


def test_timing_that_does_not_fit_the_characters_is_not_used() -> None:
    reply = a_reply("abcd")
    reply.voice(4, 1_000, (100, 900), at(0))
    assert reply.heard(at(500)) == 2


def test_a_sound_cannot_cover_more_than_was_spoken() -> None:
    reply = a_reply("abcd")
    reply.voice(99, 1_000, (), at(0))
    assert (reply.voiced, reply.heard(at(500)), reply.heard(at(1_000))) == (4, 2, 4)


def test_sounds_follow_one_another() -> None:
    reply = a_reply("abcdefgh")
    reply.voice(4, 400, (), at(0))
    reply.voice(4, 800, (), at(100))
    assert reply.silent_from() == 1_200
    assert [reply.heard(at(ms)) for ms in (300, 400, 600, 1_200)] == [3, 4, 5, 8]


def test_a_sound_that_comes_after_the_last_one_was_heard_starts_then() -> None:
    reply = a_reply("abcdefgh")
    reply.voice(4, 400, (), at(0))
    reply.voice(4, 400, (), at(1_000))
    assert [reply.heard(at(ms)) for ms in (900, 1_000, 1_200, 1_400)] == [4, 4, 6, 8]
    assert not reply.playing(at(900))
    assert reply.playing(at(1_399))
    assert not reply.playing(at(1_400))


def test_the_head_stands_still_while_paused_and_goes_on_where_it_was() -> None:
    reply = a_reply("abcdefgh")
    reply.voice(8, 800, (), at(0))
    reply.pause(at(300))
    assert (reply.head(at(5_000)), reply.playing(at(300))) == (300, False)
    reply.resume(at(6_000))
    assert (reply.head(at(5_900)), reply.heard(at(6_100)), reply.silent_from()) == (300, 4, 6_500)


def test_a_sound_queued_while_paused_waits_behind_the_others() -> None:
    reply = a_reply("abcdefgh")
    reply.voice(4, 400, (), at(0))
    reply.pause(at(300))
    reply.voice(4, 400, (), at(2_000))
    reply.resume(at(3_000))
    assert reply.silent_from() == 3_500


def test_a_report_of_the_channel_moves_the_head() -> None:
    reply = a_reply("abcdefgh")
    reply.voice(8, 800, (), at(0))
    reply.played(100, at(500))
    assert (reply.heard(at(500)), reply.silent_from()) == (1, 1_200)
    reply.played(9_999, at(600))
    assert (reply.head(at(600)), reply.silent_from()) == (800, 600)


def test_sound_without_length_is_heard_at_once() -> None:
    reply = a_reply("abcd")
    assert not reply.audible(at(0))
    reply.voice(4, 0, (), at(0))
    assert reply.heard(at(0)) == 4
    assert reply.audible(at(0))


def test_a_reply_is_over_when_all_its_words_were_heard() -> None:
    reply = a_reply("abcd ")
    assert reply.finishes() is None
    reply.written = True
    assert reply.finishes() is None, "words without sound are still to come"
    reply.voice(4, 400, (), at(100))
    assert reply.finishes() == 500, "a space has no sound"
    reply.pause(at(200))
    assert reply.finishes() is None
    reply.resume(at(300))
    reply.goes_on = True
    assert reply.finishes() is None
    reply.goes_on = False
    reply.waits_for.add(CallId("a"))
    assert reply.finishes() is None


def test_a_reply_without_words_is_over_when_it_is_written() -> None:
    reply = a_reply()
    reply.written, reply.moved = True, at(700)
    assert reply.finishes() == 700


def test_the_record_has_what_was_heard_part_by_part() -> None:
    reply = a_reply("Hm. ")
    reply.parts[0] = Text(START, 0, 4, filler=True)
    reply.write("Let me see.", at(100))
    call = ToolCalled(START, ONE, CallId("a"), "look", "{}")
    reply.parts.append(call)
    reply.write(" Found it.", at(900))
    assert list(reply.said(len("Hm. Let me"))) == [
        AgentSaid(START, "Hm.", ONE, filler=True),
        AgentSaid(at(100), "Let me", ONE, interrupted=True, original="Let me see."),
        call,
    ]
    assert list(reply.said(len(reply.text)))[2:] == [call, AgentSaid(at(900), "Found it.", ONE)]
    assert reply.words(len(reply.text)) == "Let me see. Found it."
    assert reply.words(len(reply.text), start=8) == "me see. Found it."


@given(
    st.text(min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 500)), max_size=5),
    st.integers(0, 3_000),
    st.integers(0, 1_000),
)
def test_what_was_heard_only_grows(
    text: str, sounds: list[tuple[int, int]], now: int, later: int
) -> None:
    reply = a_reply(text)
    for index, (chars, ms) in enumerate(sounds):
        reply.voice(chars, ms, (), at(index * 100))
    assert 0 <= reply.heard(at(now)) <= reply.heard(at(now + later)) <= reply.voiced <= len(text)


@pytest.mark.parametrize(("head", "heard"), [(0, 2), (50, 4), (99, 5), (100, 6), (500, 6)])
def test_a_piece_of_sound_knows_its_characters(head: int, heard: int) -> None:
    assert Sound(2, 6, 0, 100, ()).heard(head) == heard
