"""The sound of an utterance in pieces that are worth sending."""

from collections.abc import AsyncGenerator, AsyncIterator

from turnwise.audio.pcm import Pcm, to_s16le
from turnwise.providers.ports import LISTENING_HZ

PIECE_BYTES = 2 * LISTENING_HZ // 10
"""100 ms: for each a transcriber is asked once for the words so far."""


async def in_pieces(utterance: AsyncIterator[Pcm]) -> AsyncGenerator[bytes, None]:
    """Join short frames and yield s16le mono bytes, 100 ms or more but for the last ones."""
    waiting = bytearray()
    async for frame in utterance:
        waiting += to_s16le(frame)
        if len(waiting) >= PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
