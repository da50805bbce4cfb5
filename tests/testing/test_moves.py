import pytest

from turnwise.testing.moves import (
    Audible,
    Backchannel,
    BargeIn,
    Cough,
    Deed,
    Say,
    Span,
    Spell,
    Write,
    perform,
)


def silences(deed: Deed) -> list[int]:
    return [b.start - a.end for a, b in zip(deed.spans, deed.spans[1:], strict=False)]


def test_words_take_their_time() -> None:
    deed = perform(Say("ab cde", ms_per_char=100), 1_000)
    assert deed.spans == (Span(1_000, 1_700, (("ab", 1_300), ("cde", 1_700))),)
    assert (deed.start, deed.end, deed.is_turn) == (1_000, 1_700, True)


def test_a_pause_is_inside_the_turn() -> None:
    deed = perform(Say("I would like a table", pauses=((4, 800),), ms_per_char=100), 0)
    assert [len(span.words) for span in deed.spans] == [4, 1]
    assert silences(deed) == [800]
    assert deed.end == 2_100 + 800


def test_a_pause_after_the_last_word_is_none() -> None:
    assert len(perform(Say("one two", pauses=((2, 800),)), 0).spans) == 1


def test_spelling_pauses_after_each_piece_but_the_last() -> None:
    deed = perform(Spell("4 5 1 9", pauses_ms=(300, 700)), 0)
    assert silences(deed) == [300, 700, 300]
    assert [span.words[0][0] for span in deed.spans] == ["4", "5", "1", "9"]


def test_spelling_without_pauses_is_one_sound() -> None:
    assert len(perform(Spell("4 5", pauses_ms=()), 0).spans) == 1


@pytest.mark.parametrize("move", [Cough(250), Backchannel("mhm", ms_per_char=50)])
def test_noises_are_no_turns(move: Audible) -> None:
    deed = perform(move, 100)
    assert not deed.is_turn
    assert deed.end in {350, 300}


def test_a_cough_has_no_words() -> None:
    assert perform(Cough(250), 100).spans == (Span(100, 350),)


def test_a_barge_in_and_a_message_are_turns() -> None:
    assert perform(BargeIn("stop it", pauses=((1, 500),)), 0).is_turn
    written = perform(Write("hello"), 70)
    assert written.is_turn
    assert written.spans == (Span(70, 70),)


def test_nothing_said_takes_no_time() -> None:
    assert perform(Say(""), 5).spans == (Span(5, 5),)
