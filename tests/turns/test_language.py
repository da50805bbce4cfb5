import pytest

from turnwise.turns.language import (
    LANGUAGES,
    NO_WORDS,
    asks_something,
    count_words,
    is_question,
    is_short_answer,
    is_spelled,
    is_unfinished,
    is_yes_no_question,
    last_sentence_starts,
    plain,
    words_of,
)

EN = words_of("en")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mm-hmm.", "mm hmm"),
        ("  Yes,  PLEASE! ", "yes please"),
        ("D'accord…", "d'accord"),
        ("Größe", "grösse"),
        ("?!", ""),
    ],
)
def test_texts_are_compared_without_case_and_punctuation(text: str, expected: str) -> None:
    assert plain(text) == expected
    assert count_words(text) == len(expected.split())


@pytest.mark.parametrize("code", ["en", "EN", "en-GB"])
def test_a_language_is_found_by_its_code_whatever_the_region(code: str) -> None:
    assert words_of(code) is EN


def test_an_unknown_language_has_no_words() -> None:
    assert words_of("tlh") is NO_WORDS
    assert words_of("") is NO_WORDS


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_the_lists_are_written_as_texts_are_compared(code: str) -> None:
    words = LANGUAGES[code]
    for terms in (words.backchannels, words.answers, words.open_questions, words.unfinished):
        assert terms
        assert all(plain(term) == term for term in terms)
    assert all(" " not in term for term in words.answers | words.spelled | words.unfinished)


@pytest.mark.parametrize(
    ("text", "starts"),
    [("", 0), ("Hello", 0), ("Hello. How are you?", 6), ("One. Two. ", 4), ("Why?! ...", 0)],
)
def test_the_last_sentence_is_the_last_one_with_words(text: str, starts: int) -> None:
    assert last_sentence_starts(text) == starts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shall I book it?", True),
        ("He said \u201cShall I?\u201d ", True),
        ("予約しますか\uff1f", True),
        ("Shall I book it? I can.", False),
        ("", False),
    ],
)
def test_a_question_ends_with_its_mark(text: str, expected: object) -> None:
    assert is_question(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I can do that. Shall I book it?", True),
        ("You want it, right?", True),
        ("What is your name?", False),
        ("Okay, so what is your name?", False),
        ("I can do that.", False),
    ],
)
def test_a_question_that_begins_openly_is_not_answered_by_yes(text: str, expected: object) -> None:
    assert is_yes_no_question(text, EN) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Do you open on Sundays?", True),
        ("Fine. what time do you open", True),
        ("What a day!", False),
        ("When I am back. That is all.", False),
        ("I know what", False),
        ("", False),
    ],
)
def test_something_is_asked_with_or_without_the_mark(text: str, expected: object) -> None:
    assert asks_something(text, EN) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yeah.", True),
        ("No, thanks.", True),
        ("Yes yes yes", True),
        ("Yes yes yes yes", False),
        ("Yes, the first one", False),
        ("", False),
    ],
)
def test_a_short_answer_is_nothing_but_an_answer(text: str, expected: object) -> None:
    assert is_short_answer(text, EN) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 5 1", True),
        ("my number is four five", True),
        ("J", True),
        ("it is 451", True),
        ("it is 45", False),
        ("I have two", False),
        ("Two.", False),
        ("Let's meet at 5.", False),
        ("I want pizza", False),
        ("", False),
    ],
)
def test_spelling_ends_amid_letters_and_digits(text: str, expected: object) -> None:
    assert is_spelled(text, EN) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I would like to", True),
        ("I want pizza,", True),
        ("I want pizza...", True),
        ("I want pizza\u2026 ", True),
        ("Where are you from?", False),
        ("I want pizza", False),
        ("", False),
    ],
)
def test_nobody_ends_with_an_unfinished_phrase(text: str, expected: object) -> None:
    assert is_unfinished(text, EN) is expected
