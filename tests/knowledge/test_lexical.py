"""Finding chunks by their words."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from turnwise.knowledge.lexical import Entry, LexicalIndex


def index(**documents: list[str]) -> LexicalIndex:
    made = LexicalIndex()
    made.put(
        Entry(document_id=key, version=1, name=f"About {key}", chunks=pieces)
        for key, pieces in documents.items()
    )
    return made


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("what does the tricycle cost?", 1),
        ("COSTS", 1),
        ("opening", 0),
        ("cafe", 2),
        ("the", 1),
        ("refun policy tricyc", 1),
    ],
    ids=["question", "case", "ending", "accent", "only idle words", "beginning of a word"],
)
def test_the_best_chunk_comes_first(query: str, number: int) -> None:
    made = index(shop=["We open at the crack of dawn.", "The tricycle costs 40.", "A café."])
    assert made.search(query, ["shop"], 5)[0].number == number


@pytest.mark.parametrize(
    "query", ["", "?!", '"', "a NEAR(b", "text:*", "x" * 10_000, "AND OR NOT", "\0", "😀", "\ud800"]
)
def test_nothing_in_a_query_is_a_command(query: str) -> None:
    assert index(a=["bread"]).search(query, ["a"], 5) == []


def test_only_what_is_asked_for_is_searched() -> None:
    made = index(a=["bread"], b=["bread and butter"])
    assert {hit.document_id for hit in made.search("bread", ["a", "b", "gone"], 5)} == {"a", "b"}
    assert [hit.document_id for hit in made.search("bread", ["b"], 5)] == ["b"]
    assert made.search("bread", [], 5) == []


def test_a_snippet_marks_the_words_that_were_found() -> None:
    (hit,) = index(a=["Our bread is baked at night."]).search("baking", ["a"], 5)
    assert hit.snippet == (
        ("Our bread is ", False), ("baked", True), (" at night.", False),
    )  # fmt: skip


def test_a_new_version_takes_the_place_of_the_old_one() -> None:
    made = index(a=["old words"] * 120, b=["others"])
    assert made.missing({"a": 2, "b": 1, "c": 1}) == ["a", "c"]
    made.put([Entry(document_id="a", version=2, name="A", chunks=["new words"])])
    assert made.missing({"a": 2, "b": 1}) == []
    assert [hit.text for hit in made.search("words", ["a"], 50)] == ["new words"]
    made.remove(["a"])
    assert made.search("words", ["a"], 5) == []
    assert made.search("others", ["b"], 5)


def test_a_document_without_text_is_found_by_its_name() -> None:
    (hit,) = index(holidays=[]).search("holiday", ["holidays"], 5)
    assert (hit.document_id, hit.text) == ("holidays", "")


def test_threads_do_not_mix_documents_up() -> None:
    made = LexicalIndex()
    entries = [
        Entry(document_id=f"d{n}", version=1, name="", chunks=[f"only{n}"] * 130) for n in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda entry: made.put([entry]), entries))
    made.remove(["d0", "d3"])
    everywhere = [f"d{n}" for n in range(8)]
    found = {n: len(made.search(f"only{n}", everywhere, 1_000)) for n in range(8)}
    assert found == {n: 0 if n in {0, 3} else 130 for n in range(8)}
