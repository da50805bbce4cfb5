"""`/v1/convai/conversations/{conversation_id}/files`: what a user shows to the agent.

Browsers upload and take back without a key: whoever knows the id of a conversation is in it.
A file is taken for what its bytes say it is, whatever the client calls it.
"""

from starlette.datastructures import UploadFile
from starlette.responses import Response

from turnwise.agents.config import FileInput, read_agent
from turnwise.api.conversations.stored import stored
from turnwise.api.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    TooLarge,
    problem,
)
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Document, Record, Transaction

files = Slice()

KIND = "conversation_file"
"""Of the records: children of their conversation, `used` once the agent has seen the file."""

MOST_BYTES = 10 * 1_048_576
"""Size of the largest file."""
MOST_FILES = 100
"""In one conversation, where the agent sets no limit."""

_PATH = "/v1/convai/conversations/{conversation_id}/files"
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def file_key(conversation_id: str, file_id: str) -> str:
    """Return the name of a file among the blobs."""
    return f"conversations/{conversation_id}/files/{file_id}"


@files.serve(f"POST {_PATH}", access="open")
async def upload_file(call: Call) -> Answer:
    """Keep a picture, a PDF or a text until the user sends it."""
    conversation_id, file = call.path["conversation_id"], call.body["file"]
    if not isinstance(file, UploadFile):
        raise Invalid([problem("value_error", ["body", "file"], "Expected UploadFile")])
    data = await file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLarge(f"The file is larger than {MOST_BYTES} bytes.", code="file_too_large")
    document = {
        "filename": (file.filename or "")[:255],
        "mime_type": media_type_of(data),
        "size_bytes": len(data),
        "used": False,
    }
    async with call.deps.store.writing() as tx:
        await _check_allowed(tx, await stored(tx, conversation_id, lock=True))
        record = await tx.records.create(KIND, document, prefix="file_", parent=conversation_id)
        await call.deps.blobs.put(file_key(conversation_id, record.record_id), data)
    return {"file_id": record.record_id}


@files.serve(f"GET {_PATH}/{{file_id}}")
async def get_file(call: Call) -> Answer:
    """Return a file as it was uploaded."""
    async with call.deps.store.reading() as tx:
        record = await _found(tx, call)
    data = await call.deps.blobs.get(file_key(*call.path.values()))
    if data is None:
        raise _unknown(call)
    headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return Response(data, media_type=record.document["mime_type"], headers=headers)


@files.serve(f"DELETE {_PATH}/{{file_id}}", access="open")
async def delete_file(call: Call) -> Answer:
    """Take a file back that was not sent yet."""
    async with call.deps.store.writing() as tx:
        record = await _found(tx, call, lock=True)
        if record.document["used"]:
            raise Conflict(f"The file {record.record_id} was used in the conversation.")
        await tx.records.delete(KIND, record.record_id)
    await call.deps.blobs.delete([file_key(*call.path.values())])
    return {"file_id": record.record_id}


async def forget_files(tx: Transaction, conversation_id: str) -> list[str]:
    """Forget the records of a conversation's files; return the names of their blobs."""
    records = await tx.records.all(KIND, parent=conversation_id)
    await tx.records.delete_children(KIND, conversation_id)
    return [file_key(conversation_id, record.record_id) for record in records]


def media_type_of(data: bytes) -> str:
    """Return what the bytes of a file are.

    Raises:
        Invalid: If they are no picture, PDF or text.
    """
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if not text or "\0" in text:
        msg = "The file should be a picture (PNG, JPEG, GIF, WebP), a PDF, or a text in UTF-8"
        raise Invalid([problem("value_error", ["body", "file"], msg)])
    return "text/plain"


async def _check_allowed(tx: Transaction, conversation: Document) -> None:
    agent = await tx.agents.get(conversation["agent_id"])
    allowed = _file_input(agent.document) if agent else None
    if allowed is not None and not allowed.enabled:
        raise Forbidden("The agent of this conversation takes no files.")
    limit = allowed.max_files_per_conversation if allowed else MOST_FILES
    most = min(limit, MOST_FILES) if limit >= 0 else MOST_FILES
    if await tx.records.count(KIND, parent=conversation["conversation_id"]) >= most:
        raise Malformed(f"The conversation has {most} files already.", code="file_limit_exceeded")


def _file_input(agent: Document) -> FileInput:
    return read_agent(agent).conversation_config.conversation.file_input


async def _found(tx: Transaction, call: Call, *, lock: bool = False) -> Record:
    record = await tx.records.get(KIND, call.path["file_id"], lock=lock)
    if record is None or record.parent != call.path["conversation_id"]:
        raise _unknown(call)
    return record


def _unknown(call: Call) -> NotFound:
    return NotFound(f"File with id {call.path['file_id']} not found.", code="file_not_found")
