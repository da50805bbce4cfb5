"""What MCP servers answer."""

import pytest
from mcp.types import CallToolResult, ImageContent, TextContent

from turnwise.tools.mcp_answers import SHOWN_BYTES, blocks_of, shown, text_of


def test_blocks_are_as_mcp_has_them() -> None:
    result = CallToolResult(
        content=[
            TextContent(type="text", text="Rain."),
            ImageContent(type="image", data="AAAA", mime_type="image/png"),
        ]
    )
    blocks = blocks_of(result)
    assert blocks == [
        {"type": "text", "text": "Rain."},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
    ]
    assert text_of(blocks, None) == "Rain.\n[image: image/png]"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "resource", "resource": {"uri": "a://b", "text": "inside"}}, "inside"),
        ({"type": "resource", "resource": {"uri": "a://b", "blob": "AA"}}, "[resource: a://b]"),
        ({"type": "resource_link", "uri": "a://c"}, "[resource_link: a://c]"),
        ({"type": "of the future"}, "[of the future: not shown]"),
    ],
)
def test_what_is_no_words_is_named(block: dict[str, object], words: str) -> None:
    assert text_of([block], None) == words


def test_data_alone_is_told_as_json() -> None:
    assert text_of([], {"rain": "jä"}) == '{"rain": "jä"}'
    assert text_of([], None) == ""


def test_a_client_is_shown_no_more_than_it_may_be_sent() -> None:
    small = [{"type": "text", "text": "x"}]
    assert shown(small) == small
    [cut] = shown([{"type": "text", "text": "é" * SHOWN_BYTES}])
    assert len(cut["text"].encode()) == SHOWN_BYTES
    assert shown([{"type": "image", "mimeType": "image/png", "data": "A" * 70_000}]) == [
        {"type": "text", "text": "[image: image/png]"}
    ]
