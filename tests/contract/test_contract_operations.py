"""Queries and forms, as clients send them."""

from typing import Any

import pytest

from turnwise.contract import ContractError, load

Json = Any
OPERATIONS = load().operations


def test_a_query_is_read_with_its_defaults() -> None:
    read = OPERATIONS["GET /v1/convai/agents"].read_query(
        [("page_size", "5"), ("tags", "a"), ("tags", "b"), ("archived", "false"), ("x", "1")]
    )
    assert read["page_size"] == 5
    assert read["tags"] == ["a", "b"]
    assert read["archived"] is False
    assert read["sort_direction"] == "desc"
    assert read["search"] is None
    assert "x" not in read


@pytest.mark.parametrize(
    ("key", "pairs", "problem"),
    [
        ("GET /v1/convai/agents", [("page_size", "many")], "int_parsing"),
        ("GET /v1/convai/agents", [("page_size", "101")], "less_than_equal"),
        ("GET /v1/convai/agents", [("sort_direction", "up")], "enum"),
        ("GET /v1/convai/conversation/get-signed-url", [], "missing"),
        ("GET /v1/convai/environments", [("page_size", "many")], None),
    ],
)
def test_a_wrong_query_is_named(
    key: str, pairs: list[tuple[str, str]], problem: str | None
) -> None:
    if problem is None:
        assert OPERATIONS[key].read_query(pairs) == {}
        return
    with pytest.raises(ContractError) as caught:
        OPERATIONS[key].read_query(pairs)
    (found,) = caught.value.problems
    assert found["type"] == problem
    assert found["loc"][0] == "query"


def test_one_value_of_a_list_is_a_list_of_one() -> None:
    read = OPERATIONS["GET /v1/convai/analysis-items"].read_query([("analysis_item_ids", "a")])
    assert read["analysis_item_ids"] == ["a"]
    assert read["page_size"] == 30


def test_a_former_path_takes_the_same_query() -> None:
    former = OPERATIONS["GET /v1/convai/conversation/get_signed_url"]
    assert former.deprecated
    assert former.read_query([("agent_id", "agent_1")])["agent_id"] == "agent_1"


def test_a_form_is_read_with_files_as_they_are() -> None:
    operation = OPERATIONS["POST /v1/convai/knowledge-base/file"]
    assert operation.body_media == "multipart/form-data"
    file = object()
    read = operation.read_form([("name", "Terms"), ("file", file)])
    assert read["file"] is file
    assert read["name"] == "Terms"


def test_fields_of_a_form_are_text_and_mean_numbers_and_lists() -> None:
    read = OPERATIONS["POST /v1/speech-to-text"].read_form(
        [
            ("model_id", "scribe_v1"),
            ("num_speakers", "2"),
            ("diarize", "true"),
            ("keyterms", "one"),
            ("keyterms", "two"),
        ]
    )
    assert (read["num_speakers"], read["diarize"]) == (2, True)
    assert read["keyterms"] == ["one", "two"]


def test_a_list_in_a_form_may_come_whole() -> None:
    operation = OPERATIONS["POST /v1/speech-to-text"]
    formats = [{"format": "srt"}, {"format": "txt"}]
    read = operation.read_form([("model_id", "scribe_v1"), ("additional_formats", formats)])
    assert [each["format"] for each in read["additional_formats"]] == ["srt", "txt"]


def test_only_lists_and_objects_of_a_form_are_written_as_json() -> None:
    structures = OPERATIONS["POST /v1/speech-to-text"].form_structures
    assert {"additional_formats", "keyterms", "webhook_metadata"} <= structures
    assert not {"model_id", "file", "language_code"} & structures


def test_a_path_is_checked() -> None:
    operation = OPERATIONS["POST /v1/single-use-token/{token_type}"]
    assert operation.read_path({"token_type": "batch_scribe"}) == {"token_type": "batch_scribe"}
    with pytest.raises(ContractError) as caught:
        operation.read_path({"token_type": "x"})
    (found,) = caught.value.problems
    assert (found["type"], found["loc"]) == ("enum", ["path", "token_type"])


def test_a_form_without_its_file_is_wrong() -> None:
    with pytest.raises(ContractError) as caught:
        OPERATIONS["POST /v1/convai/knowledge-base/file"].read_form([("name", "Terms")])
    assert [part["loc"] for part in caught.value.problems] == [["body", "file"]]


def test_an_operation_without_body_has_no_form() -> None:
    assert OPERATIONS["GET /v1/convai/agents"].read_form([("a", "b")]) == {}
