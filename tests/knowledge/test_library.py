"""What of the stored documents an agent is told, and when."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnwise.agents.config import KnowledgeLocator, Rag
from turnwise.knowledge import library as rules
from turnwise.knowledge.library import KNOWLEDGE, TEXT, Library
from turnwise.store import Store, open_store

pytestmark = pytest.mark.anyio

RAG = Rag(enabled=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    yield made
    await made.close()


async def put(store: Store, name: str, text: str | None, parent: str | None = None) -> None:
    """Store a document, or a folder where there is no text."""
    async with store.writing() as tx:
        size = len(text or "")
        await tx.records.create(
            KNOWLEDGE,
            {"size_bytes": size, "chars": size},
            record_id=name,
            name=name.title(),
            parent=parent,
            label="folder" if text is None else "text",
        )
        if text is not None:
            await tx.records.create(TEXT, {"markup": text}, record_id=name)


def locators(*names: str, usage: str = "auto") -> list[KnowledgeLocator]:
    return [KnowledgeLocator(id=name, usage_mode=usage) for name in names]


async def test_without_retrieval_every_document_is_told_whole(store: Store) -> None:
    await put(store, "a", "Bread. " * 200)
    await put(store, "b", "Cake. " * 200)
    shelf = await Library().shelf(store, locators("b", "a"), Rag())
    assert [(each.name, each.text[:4]) for each in shelf.whole] == [("B", "Cake"), ("A", "Brea")]
    assert shelf.found("bread") == ()


async def test_with_retrieval_only_small_and_chosen_documents_are_told_whole(
    store: Store,
) -> None:
    await put(store, "small", "Bread costs three.")
    await put(store, "long", "Cake costs four.\n\n" + "Nothing. " * 100)
    await put(store, "chosen", "Milk. " * 200)
    known = [*locators("small", "long"), *locators("chosen", usage="prompt")]
    shelf = await Library().shelf(store, known, RAG)
    assert [each.name for each in shelf.whole] == ["Small", "Chosen"]
    (found,) = shelf.found("What does a cake cost?")
    assert (found.name, found.text[:16]) == ("Long", "Cake costs four.")
    assert shelf.found("milk") == ()


async def test_too_much_for_a_prompt_is_searched_also_without_retrieval(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "WHOLE_CHARS", 1_000)
    await put(store, "a", "Bread. " * 100)
    await put(store, "b", "Cake. " * 100)
    shelf = await Library().shelf(store, locators("a", "b"), Rag())
    assert shelf.whole == ()
    assert [each.name for each in shelf.found("bread")] == ["A"]


async def test_passages_stand_in_the_order_of_their_document(store: Store) -> None:
    texts = [f"Part {n} " + "about bread " * n + "x" * 700 for n in (1, 3, 2)]
    await put(store, "a", "\n\n".join(texts))
    shelf = await Library().shelf(store, locators("a"), RAG)
    (found,) = shelf.found("bread")
    assert found.text == "\n\n".join(texts)


async def test_no_more_is_told_than_the_agent_allows(store: Store) -> None:
    await put(store, "a", "\n\n".join(f"Bread {n} " + "x" * 700 for n in range(9)))
    for rag, count in [
        (Rag(enabled=True, max_retrieved_rag_chunks_count=2), 2),
        (Rag(enabled=True, max_documents_length=2_500), 3),
        (Rag(enabled=True, max_documents_length=10), 0),
    ]:
        shelf = await Library().shelf(store, locators("a"), rag)
        told = sum(each.text.count("Bread") for each in shelf.found("bread"))
        assert told == count


async def test_a_folder_stands_for_all_in_it_once(store: Store) -> None:
    await put(store, "outer", None)
    await put(store, "inner", None, "outer")
    await put(store, "a", "Bread.", "inner")
    await put(store, "b", "Cake.", "outer")
    shelf = await Library().shelf(store, locators("a", "outer", "inner", "gone"), Rag())
    assert sorted(each.name for each in shelf.whole) == ["A", "B"]
    assert shelf.missing == ("gone",)


async def test_an_agent_without_documents_asks_nothing_of_the_store(store: Store) -> None:
    await store.close()
    shelf = await Library().shelf(store, [], RAG)
    assert (shelf.whole, shelf.found("bread")) == ((), ())
