"""What outlives a process: agents, conversations, records of all else, API keys and blobs.

`ports.py` says what can be asked of a store, `sql.py` answers on SQLite and PostgreSQL. Documents
come back as they were stored, deep: unknown fields and nulls included. No rule of the trade lives
here: what a document means is known above.
"""

from turnwise.store.blobs import LocalBlobs, journal_key, recording_key
from turnwise.store.conversation_ports import (
    Comparison,
    ConversationQuery,
    ConversationRow,
    Conversations,
)
from turnwise.store.errors import (
    CursorRejected,
    SecretSealed,
    SignatureRejected,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)
from turnwise.store.opening import open_blobs, open_signer, open_store, open_vault
from turnwise.store.ports import (
    AgentQuery,
    AgentRecord,
    AgentRow,
    Agents,
    ApiKey,
    ApiKeys,
    Blobs,
    Scope,
    Store,
    Transaction,
)
from turnwise.store.record_ports import Record, RecordQuery, Records, Reference
from turnwise.store.shapes import Document, Page
from turnwise.store.signing import Grant, Signer
from turnwise.store.vault import Vault

__all__ = [
    "AgentQuery",
    "AgentRecord",
    "AgentRow",
    "Agents",
    "ApiKey",
    "ApiKeys",
    "Blobs",
    "Comparison",
    "ConversationQuery",
    "ConversationRow",
    "Conversations",
    "CursorRejected",
    "Document",
    "Grant",
    "LocalBlobs",
    "Page",
    "Record",
    "RecordQuery",
    "Records",
    "Reference",
    "Scope",
    "SecretSealed",
    "SignatureRejected",
    "Signer",
    "Store",
    "StoreConflict",
    "StoreError",
    "StoreUnavailable",
    "Transaction",
    "Vault",
    "journal_key",
    "open_blobs",
    "open_signer",
    "open_store",
    "open_vault",
    "recording_key",
]
