from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio.alignment import Alignment

times = st.integers(-50, 2000)
rows = st.lists(st.tuples(st.characters(), times, times), max_size=40)
texts = st.text(alphabet="ab .,$\n“é", max_size=40)


def of_rows(told: list[tuple[str, int, int]]) -> Alignment:
    return Alignment.of_chars(
        [char for char, _, _ in told],
        [start for _, start, _ in told],
        [duration for _, _, duration in told],
    )


alignments = rows.map(of_rows)


def starts_by_word(text: str, words: list[tuple[int, int]], total_ms: int) -> dict[str, int]:
    """The begin of each token, told apart by their text."""
    alignment = Alignment.of_words(text, words, total_ms)
    return {token: alignment.starts_ms[text.index(token)] for token in text.split()}


def test_times_in_order_are_kept() -> None:
    alignment = Alignment.of_chars("hi!", [0, 100, 250], [100, 120, 50])
    assert alignment.chars == ("h", "i", "!")
    assert alignment.starts_ms == (0, 100, 250)
    assert alignment.durations_ms == (100, 120, 50)
    assert alignment.ends_ms == (100, 220, 300)
    assert alignment.text == "hi!"
    assert not alignment.estimated


def test_times_out_of_order_are_put_in_order() -> None:
    alignment = Alignment.of_chars("abcd", [10, 100, 50, 300], [500, 20, 90, -5])
    assert alignment.starts_ms == (10, 100, 100, 300)
    assert alignment.ends_ms == (100, 100, 140, 300)


@given(rows)
def test_whatever_times_are_told_characters_keep_their_order(
    told: list[tuple[str, int, int]],
) -> None:
    alignment = of_rows(told)
    assert alignment.chars == tuple(char for char, _, _ in told)
    assert all(
        end <= start for end, start in zip(alignment.ends_ms, alignment.starts_ms[1:], strict=False)
    )


def test_a_list_of_times_that_is_too_short_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match="zip"):
        Alignment.of_chars("ab", [0, 1], [1])
    with pytest.raises(AssertionError):
        Alignment.of_chars("ab", [0], [1])


@pytest.mark.parametrize(
    ("starts_ms", "durations_ms"),
    [((5, 0), (0, 0)), ((0, 5), (6, 0)), ((-1, 0), (0, 0)), ((0, 5), (0, -1))],
)
def test_times_out_of_order_are_refused_where_nobody_orders_them(
    starts_ms: tuple[int, ...], durations_ms: tuple[int, ...]
) -> None:
    with pytest.raises(AssertionError):
        Alignment(("a", "b"), starts_ms, durations_ms)


def test_characters_of_a_word_are_spread_up_to_the_next() -> None:
    alignment = Alignment.of_words("Go on", [(0, 0), (3, 300)], 500)
    assert alignment.starts_ms == (0, 100, 200, 300, 400)
    assert alignment.durations_ms == (100, 100, 100, 100, 100)


def test_what_stands_before_the_first_word_is_over_when_it_begins() -> None:
    alignment = Alignment.of_words("  Go", [(2, 100)], 200)
    assert alignment.starts_ms == (0, 50, 100, 150)
    assert Alignment.of_words("Go", [(0, 100)], 200).starts_ms == (100, 150)


def test_an_event_before_the_first_word_is_its_begin() -> None:
    assert Alignment.of_words("  Go", [(0, 100)], 300).starts_ms == (0, 50, 100, 200)


def test_the_events_that_espeak_gives_for_a_price_count_once() -> None:
    text = "Pay $42.50 now"
    words = [(0, 0), (4, 300), (5, 350), (5, 500), (8, 700), (5, 800), (11, 1200)]
    assert starts_by_word(text, words, 1500) == {"Pay": 0, "$42.50": 300, "now": 1200}


def test_an_event_inside_a_token_is_its_begin() -> None:
    assert starts_by_word("say “hi” twice", [(0, 0), (5, 200), (9, 500)], 900) == {
        "say": 0,
        "“hi”": 200,
        "twice": 500,
    }


def test_a_word_without_a_time_shares_that_of_the_one_before() -> None:
    assert starts_by_word("a bb c", [(0, 0), (5, 500)], 600) == {"a": 0, "bb": 200, "c": 500}


def test_events_that_go_back_or_too_far_are_put_in_order() -> None:
    assert starts_by_word("a b c", [(0, 90), (2, 50), (0, 60), (4, 9000)], 100) == {
        "a": 90,
        "b": 90,
        "c": 100,
    }


@given(
    text=texts, words=st.lists(st.tuples(st.integers(-5, 50), times)), total_ms=st.integers(0, 2000)
)
def test_whatever_events_come_each_character_has_its_time(
    text: str, words: list[tuple[int, int]], total_ms: int
) -> None:
    alignment = Alignment.of_words(text, words, total_ms)
    assert alignment.text == text
    assert not alignment.estimated
    assert all(
        end == start for end, start in zip(alignment.ends_ms, alignment.starts_ms[1:], strict=False)
    )
    assert alignment.ends_ms[-1:] == ((total_ms,) if text else ())


def test_without_times_each_character_has_the_same_share() -> None:
    alignment = Alignment.estimate("abcd", 100)
    assert alignment.starts_ms == (0, 25, 50, 75)
    assert alignment.estimated
    assert Alignment.estimate("", 100) == Alignment(estimated=True)


@given(text=texts, total_ms=st.integers(0, 2000))
def test_an_estimate_fills_the_sound_evenly(text: str, total_ms: int) -> None:
    alignment = Alignment.estimate(text, total_ms)
    assert alignment.text == text
    assert sum(alignment.durations_ms) == (total_ms if text else 0)
    assert not text or max(alignment.durations_ms) - min(alignment.durations_ms) <= 1


def test_a_character_is_heard_when_it_is_over() -> None:
    alignment = Alignment.of_chars("hi!", [0, 100, 250], [100, 120, 50])
    heard = [alignment.heard_chars(ms) for ms in (0, 99, 100, 219, 220, 299, 300, 9999)]
    assert heard == [0, 0, 1, 1, 2, 2, 3, 3]


@given(alignment=alignments, ms=times)
def test_what_was_heard_is_over_and_the_rest_is_not(alignment: Alignment, ms: int) -> None:
    heard = alignment.heard_chars(ms)
    assert all(end <= ms for end in alignment.ends_ms[:heard])
    assert all(end > ms for end in alignment.ends_ms[heard:])


def test_a_cut_counts_from_its_own_begin() -> None:
    alignment = Alignment.of_chars("abcd", [0, 90, 100, 210], [80, 10, 110, 20])
    assert alignment.cut(90, 200) == Alignment(("b", "c"), (0, 10), (10, 110))
    assert alignment.cut(200, None) == Alignment(("d",), (10,), (20,))
    assert alignment.cut(50, 60) == Alignment()


@given(alignment=alignments, edges=st.lists(st.integers(0, 2000), max_size=10))
def test_each_character_is_in_exactly_one_of_cuts_in_a_row(
    alignment: Alignment, edges: list[int]
) -> None:
    bounds: list[int | None] = [0, *sorted(edges), None]
    joined = Alignment()
    for from_ms, to_ms in pairwise(bounds):
        assert from_ms is not None
        joined = joined.join(alignment.cut(from_ms, to_ms).shift(from_ms))
    assert joined == alignment


@given(first=alignments, second=alignments)
def test_speech_after_speech_is_both(first: Alignment, second: Alignment) -> None:
    total_ms = max(first.ends_ms, default=0)
    joined = first.join(second.shift(total_ms))
    assert joined.chars == first.chars + second.chars
    assert joined.cut(0, None).chars[len(first.chars) :] == second.chars
    assert joined.starts_ms[len(first.chars) :] == second.shift(total_ms).starts_ms
    assert joined.durations_ms == first.durations_ms + second.durations_ms


def test_overlapping_speech_is_put_in_order() -> None:
    first = Alignment.of_chars("a", [0], [100])
    assert first.join(Alignment.of_chars("b", [90], [50])).ends_ms == (90, 140)


def test_an_estimate_stays_one_when_cut_shifted_or_joined() -> None:
    told, estimate = Alignment.of_chars("a", [0], [9]), Alignment.estimate("b", 9).shift(9)
    assert estimate.estimated
    assert estimate.cut(0, None).estimated
    assert told.join(estimate).estimated
    assert estimate.shift(-9).join(told.shift(9)).estimated
    assert not told.join(told.shift(9)).estimated


def test_speech_before_its_sound_is_our_own_fault() -> None:
    with pytest.raises(AssertionError):
        Alignment.estimate("a", 9).shift(-1)
