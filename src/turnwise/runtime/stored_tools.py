"""The tools that agents refer to, as they are stored."""

from collections.abc import Collection, Mapping
from typing import Any

from turnwise.store import RecordQuery, Store

TOOL = "tool"
"""Kind of the records."""


async def stored_tools(store: Store, ids: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the stored documents of tools, by what an agent calls them.

    Args:
        store: Where they are.
        ids: Their ids; some clients put names there.
    """
    if not ids:
        return {}
    async with store.reading() as tx:
        found = {key: each.document for key, each in (await tx.records.many(TOOL, ids)).items()}
        for name in [each for each in ids if each not in found]:
            page = await tx.records.list(RecordQuery(kind=TOOL, search=name, page_size=100))
            named = next((each for each in page.items if each.name == name), None)
            if named is not None:
                found[name] = named.document
    return found
