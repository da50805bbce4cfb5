"""The official Python SDK with the knowledge base of a real server."""

from pathlib import Path

import httpx
import pytest
from elevenlabs import ConversationalConfig
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import (
    AgentConfig,
    GetOrCreateRagIndexRequestModel,
    KnowledgeBaseLocator,
    PromptAgentApiModelOutput,
    RagConfigOutput,
)
from starlette.responses import HTMLResponse

from acceptance.tool_service import ToolService
from api.conftest import sdk_at, served
from knowledge import files
from turnwise.outgoing import Outgoing, Policy

ONCE = {"max_retries": 0}


def test_documents_are_made_read_changed_and_deleted(sdk: ElevenLabs) -> None:
    documents = sdk.conversational_ai.knowledge_base.documents
    made = documents.create_from_text(text="Bread costs three.", name="Prices")
    assert made.name == "Prices"
    found = documents.get(made.id)
    assert (found.type, found.extracted_inner_html) == ("text", "Bread costs three.")
    assert found.metadata.size_bytes == 18
    assert found.access_info.role == "admin"
    changed = documents.update(made.id, name="Costs", content="Bread costs four.")
    assert (changed.name, changed.extracted_inner_html) == ("Costs", "Bread costs four.")
    assert documents.get_content(made.id) == "Bread costs four."
    documents.delete(made.id)
    with pytest.raises(ApiError) as caught:
        documents.get(made.id)
    assert caught.value.status_code == 404


def test_files_are_uploaded_replaced_and_had_again(sdk: ElevenLabs) -> None:
    base = sdk.conversational_ai.knowledge_base
    data = files.pdf("Forty dollars.")
    made = base.documents.create_from_file(file=("prices.pdf", data, "application/pdf"))
    found = base.documents.get(made.id)
    assert (found.type, found.filename) == ("file", "prices.pdf")
    assert "Forty dollars." in found.extracted_inner_html
    url = base.documents.get_source_file_url(made.id).signed_url
    assert httpx.get(url).content == data
    changed = base.document.update_file(made.id, file=("new.md", b"# New"))
    assert (changed.filename, changed.content_format) == ("new.md", "markdown")
    older = sdk.conversational_ai.add_to_knowledge_base(name="Old", file=("old.txt", b"Words"))
    assert base.documents.get(older.id).name == "Old"
    answers = base.documents.bulk_delete(document_ids=[made.id, older.id, "no"])
    assert {each.status for each in answers.values()} == {"success", "failure"}
    assert answers["no"].error_code == 404


def test_folders_are_made_filled_listed_and_deleted(sdk: ElevenLabs) -> None:
    base = sdk.conversational_ai.knowledge_base
    outer = base.documents.create_folder(name="Outer")
    inner = base.documents.create_folder(name="Inner", parent_folder_id=outer.id)
    assert [each.id for each in inner.folder_path] == [outer.id]
    one = base.documents.create_from_text(text="one", name="One")
    two = base.documents.create_from_text(text="two", name="Two", parent_folder_id=outer.id)
    base.documents.move(one.id, move_to=inner.id)
    base.documents.bulk_move(document_ids=[two.id], move_to=inner.id)
    assert base.documents.get(outer.id).document_count == 2
    page = base.list(
        ancestor_folder_id=outer.id, folders_first=True, sort_by="name", sort_direction="asc"
    )
    assert [(row.type, row.name) for row in page.documents] == [
        ("folder", "Inner"), ("text", "One"), ("text", "Two"),
    ]  # fmt: skip
    assert not page.has_more
    summaries = base.documents.summaries.get(document_ids=[inner.id])
    assert summaries[inner.id].data.children_count == 2
    with pytest.raises(ApiError) as caught:
        base.documents.delete(outer.id, request_options=ONCE)
    assert caught.value.status_code == 409
    base.documents.delete(outer.id, force=True)


def test_an_agent_with_knowledge_is_made_and_its_index_polled(sdk: ElevenLabs) -> None:
    base = sdk.conversational_ai.knowledge_base
    said = "\n\n".join(f"Paragraph {n}. " + "word " * 100 for n in range(6))
    made = base.documents.create_from_text(text=said, name="Long")
    locator = KnowledgeBaseLocator(type="text", id=made.id, name="Long", usage_mode="auto")
    prompt = PromptAgentApiModelOutput(
        prompt="Hi", knowledge_base=[locator], rag=RagConfigOutput(enabled=True)
    )
    agent_id = sdk.conversational_ai.agents.create(
        conversation_config=ConversationalConfig(agent=AgentConfig(prompt=prompt))
    ).agent_id
    model = "e5_mistral_7b_instruct"
    index = base.document.compute_rag_index(made.id, model=model)
    assert (index.status, index.progress_percentage) == ("succeeded", 100)
    item = GetOrCreateRagIndexRequestModel(document_id=made.id, create_if_missing=True, model=model)
    found = base.get_or_create_rag_indexes(items=[item])
    assert found[made.id].data.id == index.id
    indexes = sdk.conversational_ai.get_document_rag_indexes(made.id).indexes
    assert [each.id for each in indexes] == [index.id]
    assert sdk.conversational_ai.rag_index_overview().total_used_bytes >= len(said)
    chunks = base.documents.chunks.list(made.id, embedding_model=model).chunks
    assert base.documents.chunk.get(made.id, chunks[0].id) == chunks[0]
    deleted = sdk.conversational_ai.delete_document_rag_index(made.id, index.id)
    assert deleted.id == index.id
    size = sdk.conversational_ai.agents.knowledge_base.size(agent_id)
    assert size.number_of_pages > 1
    known = sdk.conversational_ai.agents.get(agent_id).conversation_config.agent
    assert known is not None
    assert known.prompt is not None
    assert known.prompt.knowledge_base == [locator]


def test_documents_are_searched_and_their_agents_told(sdk: ElevenLabs) -> None:
    base = sdk.conversational_ai.knowledge_base
    made = base.documents.create_from_text(text="The zeppelin leaves at noon.", name="Z")
    (result,) = base.search(query="zeppelins").results
    assert result.document.id == made.id
    assert any(piece.is_hit for piece in result.search_snippet or [])
    assert base.documents.get_agents(made.id, dependent_type="direct").agents == []
    assert base.documents.get_bulk_agents(document_ids=[made.id]).has_more is False


def test_create_url_and_refresh_fetch_a_page(tmp_path: Path) -> None:
    outgoing = Outgoing(Policy(allowed_hosts=frozenset({"127.0.0.1"})))
    with (
        ToolService().serve() as web,
        served(tmp_path, outgoing=outgoing) as url,
        sdk_at(url) as sdk,
    ):
        base = sdk.conversational_ai.knowledge_base
        page = web.on("/shop", lambda _: HTMLResponse("<title>Shop</title><p>Open"))
        made = base.documents.create_from_url(url=page)
        assert made.name == "Shop"
        web.on("/shop", lambda _: HTMLResponse("<title>Shop</title><p>Closed"))
        base.document.refresh(made.id)
        assert base.documents.get(made.id).extracted_inner_html == "<p>Closed</p>"


def test_what_is_not_offered_says_so(sdk: ElevenLabs) -> None:
    base = sdk.conversational_ai.knowledge_base
    with pytest.raises(ApiError) as caught:
        base.crawl_jobs.create(url="https://shop.test", request_options=ONCE)
    assert caught.value.status_code == 501
    with pytest.raises(ApiError) as caught:
        base.documents.create_from_url(url="https://shop.test", request_options=ONCE)
    assert caught.value.body["detail"]["code"] == "not_implemented"
