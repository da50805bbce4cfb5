"""How the branches and versions of agents are laid out among the records.

All are children of their agent. A version is two records: what is told of it, which is small, and
its snapshot, which is only read when it is wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from turnwise.store.record_ports import Record, RecordQuery, Records
from turnwise.store.shapes import Document, Page

BRANCH: Final = "branch"
VERSION: Final = "version"
SNAPSHOT: Final = "snapshot"
DRAFT: Final = "draft"
DEPLOYMENT: Final = "deployment"

KINDS: Final = (BRANCH, VERSION, SNAPSHOT, DRAFT, DEPLOYMENT)
"""Everything that goes with an agent."""

TIP: Final = "tip"
"""Key in the document of a branch: the id of its newest version."""


@dataclass(frozen=True, slots=True)
class History:
    """Branches, versions, drafts and deployments of one agent."""

    records: Records
    agent_id: str

    async def branches(self) -> tuple[Record, ...]:
        """Return all branches, main first: it is the oldest."""
        return await self.records.all(BRANCH, parent=self.agent_id)

    async def branch(self, branch_id: str) -> Record | None:
        """Return a branch; None: the agent has no such branch."""
        return await self._own(BRANCH, branch_id)

    async def version(self, version_id: str) -> Record | None:
        """Return what is told of a version; None: the agent has no such version."""
        return await self._own(VERSION, version_id)

    async def versions(self) -> tuple[Record, ...]:
        """Return what is told of all versions, the oldest first."""
        return await self.records.all(VERSION, parent=self.agent_id)

    async def latest(self, branch_id: str, most: int) -> tuple[Record, ...]:
        """Return what is told of the newest versions of a branch, the newest first."""
        query = RecordQuery(
            kind=VERSION, parents=(self.agent_id,), labels=(branch_id,), page_size=most
        )
        return (await self.records.list(query)).items

    async def snapshot(self, version_id: str) -> Document | None:
        """Return what a version holds; None: the agent has no such version."""
        record = await self._own(SNAPSHOT, version_id)
        return None if record is None else record.document

    async def draft(self, branch_id: str) -> Record | None:
        """Return the draft on a branch, if there is one."""
        return await self._own(DRAFT, branch_id)

    async def split(self) -> Mapping[str, float]:
        """Return the percent of the traffic by branch; empty: all goes to main."""
        newest = (await self.deployments(RecordQuery(kind=DEPLOYMENT, page_size=1))).items
        split: Mapping[str, float] = newest[0].document["split"] if newest else {}
        return split

    async def deployments(self, query: RecordQuery) -> Page[Record]:
        """Return a page of deployments, the newest first: that one is in force."""
        own = RecordQuery(
            kind=DEPLOYMENT,
            parents=(self.agent_id,),
            page_size=query.page_size,
            cursor=query.cursor,
        )
        return await self.records.list(own)

    async def start_branch(self, name: str, document: Document) -> Record:
        """Store a new branch; it has no version yet."""
        return await self.records.create(
            BRANCH, document, prefix="agtbrch_", name=name, parent=self.agent_id
        )

    async def add_version(self, branch_id: str, about: Document, snapshot: Document) -> Record:
        """Store a new version. The branch is not told."""
        version = await self.records.create(
            VERSION, about, prefix="agtvrsn_", parent=self.agent_id, label=branch_id
        )
        await self.records.create(
            SNAPSHOT, snapshot, record_id=version.record_id, parent=self.agent_id
        )
        return version

    async def keep_draft(self, branch_id: str, document: Document) -> None:
        """Store a draft in place of the one on its branch."""
        await self.records.delete(DRAFT, branch_id)
        await self.records.create(DRAFT, document, record_id=branch_id, parent=self.agent_id)

    async def deploy(self, split: Mapping[str, float], source: str) -> Record:
        """Store a new split of the traffic, which is in force from now on."""
        document: dict[str, Any] = {"split": dict(split), "source": source}
        return await self.records.create(
            DEPLOYMENT, document, prefix="agtdepl_", parent=self.agent_id
        )

    async def forget(self) -> None:
        """Delete everything."""
        for kind in KINDS:
            await self.records.delete_children(kind, self.agent_id)

    async def _own(self, kind: str, record_id: str) -> Record | None:
        record = await self.records.get(kind, record_id)
        return record if record is not None and record.parent == self.agent_id else None
