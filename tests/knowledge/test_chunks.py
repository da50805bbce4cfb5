"""Cutting texts into chunks."""

from hypothesis import given
from hypothesis import strategies as st

from turnwise.knowledge.chunks import CHUNK_CHARS, chunks


def test_short_paragraphs_share_a_chunk() -> None:
    assert chunks("One.\n\nTwo.") == ["One.\n\nTwo."]


def test_a_heading_begins_a_chunk_and_stands_above_all_that_follow_under_it() -> None:
    first, second = "a " * 400, "b " * 400
    found = chunks(f"Before.\n\n# Prices\n\n{first}\n\n{second}\n\n## Empty\n\n# Hours\nNine.")
    assert [each.splitlines()[0] for each in found] == [
        "Before.", "# Prices", "# Prices", "## Empty", "# Hours",
    ]  # fmt: skip
    assert found[1].endswith("a")
    assert found[2].endswith("b")
    assert found[4] == "# Hours\n\nNine."


def test_a_long_paragraph_is_cut_between_sentences_and_a_long_word_anywhere() -> None:
    sentences = " ".join(f"This is sentence number {n}." for n in range(100))
    assert all(each.endswith(".") for each in chunks(sentences))
    assert [len(each) for each in chunks("x" * 2_500)] == [998, 998, 504]


def test_nothing_has_no_chunks() -> None:
    assert chunks(" \n\n ") == []


TEXTS = st.text(alphabet=st.sampled_from("ab# .\n"), max_size=3_000)


@given(TEXTS)
def test_no_chunk_is_too_long_and_no_word_is_lost(text: str) -> None:
    found = chunks(text)
    assert all(0 < len(each) <= CHUNK_CHARS for each in found)
    assert "".join("".join(found).split()).count("a") >= text.count("a")


@given(TEXTS)
def test_cutting_is_repeatable(text: str) -> None:
    assert chunks(text) == chunks(text)
