import pytest

from turnwise.agents.pronunciation import Pronunciation, Segment


def alias(written: str, spoken: str, **more: bool) -> dict[str, object]:
    return {"type": "alias", "string_to_replace": written, "alias": spoken, **more}


@pytest.mark.parametrize(
    ("rules", "text", "spoken"),
    [
        ([], "UN and un", "UN and un"),
        ([alias("UN", "United Nations")], "UN, UNO and un", "United Nations, UNO and un"),
        ([alias("UN", "U N", case_sensitive=False)], "UN and un", "U N and U N"),
        ([alias("UN", "U N", word_boundaries=False)], "UNO", "U NO"),
        ([alias("C++", "see plus plus")], "C++ is C++.", "see plus plus is see plus plus."),
        ([alias("a", "one"), alias("a", "two"), alias("b", "three")], "a b", "one three"),
        ([alias("", "x")], "a", "a"),
        ([{"type": "phoneme", "string_to_replace": "a", "phoneme": "x"}], "a", "a"),
        ([alias("a", "")], "a b", " b"),
        ([alias("a", "b")], "", ""),
    ],
)
def test_aliases_are_spoken_in_place_of_what_is_written(
    rules: list[dict[str, object]], text: str, spoken: str
) -> None:
    segments = Pronunciation(rules).segments(text)
    assert "".join(segment.written for segment in segments) == text
    assert "".join(segment.spoken for segment in segments) == spoken


def test_a_text_is_cut_where_something_else_is_spoken() -> None:
    assert Pronunciation([alias("UN", "U N")]).segments("The UN!") == [
        Segment("The ", "The "),
        Segment("UN", "U N"),
        Segment("!", "!"),
    ]
