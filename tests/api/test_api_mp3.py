import io
import struct
import wave
from collections.abc import AsyncIterator

import pytest

from turnwise.api.mp3 import WavHead, can_encode, encoded, head_of

pytestmark = pytest.mark.anyio


def wav(channels: int = 2, rate_hz: int = 16_000, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate_hz)
        writer.writeframes(bytes(width * channels * rate_hz))
    return file.getvalue()


def test_the_head_of_a_wav_file_is_read() -> None:
    assert head_of(wav()) == WavHead(2, 16_000, 44)
    assert head_of(wav(1, 8_000)) == WavHead(1, 8_000, 44)
    data = wav()
    odd = data[:12] + struct.pack("<4sI", b"LIST", 3) + b"abc\0" + data[12:]
    assert head_of(odd) == WavHead(2, 16_000, 56)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"OggS" + bytes(60), wav()[:30], wav(width=1), wav()[:12] + bytes(100)]
)
def test_what_is_no_wav_file_of_16_bits_has_no_head(data: bytes) -> None:
    assert head_of(data) is None


async def split(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.skipif(not can_encode(), reason="lameenc is not installed")
async def test_pieces_of_any_length_make_the_same_file() -> None:
    data, made = wav(), []
    head = head_of(data)
    assert head is not None
    for size in [50, 1_001, 70_000]:
        pieces = split(data, size)
        first = await anext(pieces)
        made.append(b"".join([part async for part in encoded(first, pieces, head)]))
    assert made[0] == made[1] == made[2]
