from hypothesis import given
from hypothesis import strategies as st

from turnwise.runtime.sentences import LONGEST, SentenceCutter


def pieces(*texts: str) -> list[str]:
    cutter = SentenceCutter()
    found = [piece for text in texts for piece in cutter.push(text)]
    rest = cutter.flush()
    return [*found, rest] if rest else found


def test_a_first_clause_is_spoken_before_its_sentence_is_complete() -> None:
    assert SentenceCutter().push("Of course I can, let me") == ["Of course I can, "]


def test_a_first_clause_of_two_words_waits() -> None:
    assert SentenceCutter().push("Well then, let me") == []


def test_later_pieces_are_whole_sentences() -> None:
    assert pieces("It is open. On Monday, and only then, it is not. Bye.") == [
        "It is open. ",
        "On Monday, and only then, it is not. ",
        "Bye.",
    ]


def test_abbreviations_initials_and_numbers_end_no_sentence() -> None:
    text = "Ask Dr. Smith or J. Doe at 3.5 km, e.g. now. Yes."
    assert pieces(text)[-2:] == ["now. ", "Yes."] or pieces(text)[-1] == "Yes."
    assert not any(piece.endswith(("Dr. ", "J. ")) for piece in pieces(text))


def test_buffer_words_are_a_piece_at_once() -> None:
    cutter = SentenceCutter()
    assert cutter.push("Let me see... ") == ["Let me see... "]
    assert cutter.push("It is") == []


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    cut = pieces("word " * 100)
    assert len(cut) > 1
    assert all(len(piece) <= LONGEST and piece.endswith(" ") for piece in cut)


def test_one_long_word_is_never_cut() -> None:
    assert pieces("a" * 1000) == ["a" * 1000]


def test_the_rest_is_pending_until_it_is_flushed() -> None:
    cutter = SentenceCutter()
    cutter.push("One moment")
    assert cutter.pending
    assert cutter.flush() == "One moment"
    assert not cutter.pending


@given(st.lists(st.text(alphabet="abI .,!?\n…:", max_size=40), max_size=12))
def test_the_pieces_are_the_text(texts: list[str]) -> None:
    assert "".join(pieces(*texts)) == "".join(texts)


def test_a_mark_that_has_only_begun_is_not_cut() -> None:
    cutter = SentenceCutter()
    assert cutter.push("Well now [lau") == []
    assert cutter.flush(whole=False) == "Well now "
    assert cutter.push("ghs] so. ") == ["[laughs] so. "]
    assert cutter.push("<Jo") == []
    assert cutter.flush(whole=False) == ""
    assert cutter.flush() == "<Jo"
    long = "word " * 42 + "<Old Man of the sea>Hello"
    assert all("<Old Man of the sea>" in p or "<" not in p for p in pieces(long))


def test_a_sentence_ends_behind_the_end_of_its_label() -> None:
    assert pieces("<Joe>Who is there?</Joe> Nobody.") == ["<Joe>Who is there?</Joe> ", "Nobody."]
