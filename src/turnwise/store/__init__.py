"""What outlives a process: agents, conversations, API keys and blobs.

`ports.py` says what can be asked of a store, `sql.py` answers on SQLite and PostgreSQL. Documents
come back as they were stored, deep: unknown fields and nulls included. No rule of the trade lives
here: what a document means is known above.
"""

from turnwise.store.blobs import LocalBlobs, journal_key, recording_key
from turnwise.store.errors import (
    CursorRejected,
    SignatureRejected,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)
from turnwise.store.opening import open_blobs, open_signer, open_store
from turnwise.store.ports import (
    AgentQuery,
    AgentRecord,
    AgentRow,
    Agents,
    ApiKey,
    ApiKeys,
    Blobs,
    ConversationQuery,
    ConversationRow,
    Conversations,
    Document,
    Page,
    Store,
    Transaction,
)
from turnwise.store.signing import Grant, Signer

__all__ = [
    "AgentQuery",
    "AgentRecord",
    "AgentRow",
    "Agents",
    "ApiKey",
    "ApiKeys",
    "Blobs",
    "ConversationQuery",
    "ConversationRow",
    "Conversations",
    "CursorRejected",
    "Document",
    "Grant",
    "LocalBlobs",
    "Page",
    "SignatureRejected",
    "Signer",
    "Store",
    "StoreConflict",
    "StoreError",
    "StoreUnavailable",
    "Transaction",
    "journal_key",
    "open_blobs",
    "open_signer",
    "open_store",
    "recording_key",
]
