"""Sound as MP3, made while it is sent; needs the package `lameenc` (the extra `mp3`)."""

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from anyio import to_thread

BIT_RATE = 64
"""Kilobits a second for both legs together: speech needs no more."""

_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM_BITS = 16


@dataclass(frozen=True, slots=True)
class WavHead:
    """What stands before the sound in a WAV file of 16 bits."""

    channels: int
    rate_hz: int
    length_bytes: int
    """Where the sound begins."""


def can_encode() -> bool:
    """Whether the encoder is installed."""
    return find_spec("lameenc") is not None


def head_of(data: bytes) -> WavHead | None:
    """Return the head of a WAV file; None: these first bytes hold none that we can read."""
    if len(data) < _RIFF.size or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at, found = _RIFF.size, None
    while at + _CHUNK.size <= len(data):
        name, size = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if name == b"data":
            return WavHead(*found, at) if found else None
        if name == b"fmt " and at + _FORMAT.size <= len(data):
            _, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(data, at)
            found = (channels, rate_hz) if bits == _PCM_BITS else None
        at += size + size % 2
    return None


async def encoded(first: bytes, rest: AsyncIterator[bytes], head: WavHead) -> AsyncIterator[bytes]:
    """Yield a recording as MP3.

    Args:
        first: The first piece of the WAV file, with its whole head.
        rest: The other pieces.
        head: Of the file.
    """
    encoder = encoder_of(head.rate_hz, head.channels, BIT_RATE)
    frame_bytes = 2 * head.channels
    kept = first[head.length_bytes :]
    while True:
        whole = len(kept) - len(kept) % frame_bytes
        if whole and (piece := await to_thread.run_sync(encoder.encode, kept[:whole])):
            yield bytes(piece)
        following = await anext(rest, None)
        if following is None:
            break
        kept = kept[whole:] + following
    yield bytes(await to_thread.run_sync(encoder.flush))


def encoder_of(rate_hz: int, channels: int, bit_rate: int) -> Any:  # noqa: ANN401  # has no types
    """Return an encoder of lameenc: `encode` takes s16le bytes, `flush` gives the rest.

    Args:
        rate_hz: Of the sound.
        channels: 1 or 2.
        bit_rate: Kilobits a second.
    """
    encoder = import_module("lameenc").Encoder()
    encoder.set_bit_rate(bit_rate)
    encoder.set_in_sample_rate(rate_hz)
    encoder.set_channels(channels)
    encoder.set_quality(7)  # 2 is the best, 7 the fastest
    encoder.silence()
    return encoder
