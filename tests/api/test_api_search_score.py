"""How messages are weighed and marked."""

import pytest

from turnwise.api.conversations.search import score_of, segments, words_of


@pytest.mark.parametrize(
    ("text", "query", "score"),
    [
        ("one two", "one two", 1.5),
        ("two one", "one two", 1.0),
        ("only one", "one two", 0.5),
        ("Straße", "STRASSE", 1.0),
        ("nothing", "one", 0.0),
        ("one two three", "on tw", 1.5),
    ],
)
def test_more_words_and_whole_phrases_score_higher(text: str, query: str, score: float) -> None:
    assert score_of(text, words_of(query)) == score


def test_segments_make_the_message_again() -> None:
    text = "  Money, money! "
    pieces = segments(text, ["mon"])
    assert "".join(piece["value"] for piece in pieces) == text
    assert [piece["value"] for piece in pieces if piece["is_hit"]] == ["Money", "money"]
