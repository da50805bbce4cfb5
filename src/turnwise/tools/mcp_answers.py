"""What an MCP server answers, for the model and for the client."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.types import CallToolResult

Json = dict[str, Any]

SHOWN_BYTES = 64 * 1024
"""Longest result that a client is shown."""  # as other tools' results


def blocks_of(result: "CallToolResult") -> list[Json]:
    """Return the blocks of an answer as MCP has them."""
    return [
        block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content
    ]


def text_of(blocks: Sequence[Mapping[str, Any]], structured: object) -> str:
    """Return the words of an answer; what is no words is named.

    Args:
        blocks: Of the answer.
        structured: The same as data; None: there is none.
    """
    if not blocks:
        return "" if structured is None else json.dumps(structured, ensure_ascii=False)
    return "\n".join(map(_words, blocks))


def shown(blocks: list[Json]) -> list[Json]:
    """Return the blocks for the client: no more than it may be sent."""
    if len(json.dumps(blocks)) <= SHOWN_BYTES:
        return blocks
    text = text_of(blocks, None).encode()[:SHOWN_BYTES].decode(errors="ignore")
    return [{"type": "text", "text": text}]


def _words(block: Mapping[str, Any]) -> str:
    kind = str(block.get("type"))
    if kind == "text":
        return str(block.get("text"))
    inner = block.get("resource")
    if kind == "resource" and isinstance(inner, Mapping) and "text" in inner:
        return str(inner["text"])
    what = block.get("uri") or (inner.get("uri") if isinstance(inner, Mapping) else None)
    return f"[{kind}: {what or block.get('mimeType') or 'not shown'}]"
