"""The sound of a conversation as an answer: the stored WAV file, or MP3 for who asks for it."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from turnwise.api import mp3
from turnwise.api.errors import NotFound
from turnwise.store import Blobs, recording_key


async def recording(blobs: Blobs, conversation_id: str, accept: str) -> StreamingResponse:
    """Return a recording.

    Args:
        blobs: Where it lies.
        conversation_id: Whose it is.
        accept: The request's header; MP3 is sent where it names `audio/mpeg` and can be made.

    Raises:
        NotFound: If there is none.
    """
    key = recording_key(conversation_id)
    size, pieces = await blobs.size(key), await blobs.stream(key)
    if size is None or pieces is None:
        raise NotFound(
            f"The conversation {conversation_id} has no recording.", code="audio_not_found"
        )
    if "audio/mpeg" not in accept or not mp3.can_encode():
        length = {"content-length": str(size)}
        return StreamingResponse(pieces, media_type="audio/wav", headers=length)
    first = await anext(pieces, b"")
    head = mp3.head_of(first)
    if head is None:
        return StreamingResponse(_joined(first, pieces), media_type="audio/wav")
    return StreamingResponse(mp3.encoded(first, pieces, head), media_type="audio/mpeg")


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
