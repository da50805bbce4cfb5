"""The published output formats of speech, and how they are made while the sound comes.

`mp3_…` needs the package `lameenc` (the extra `mp3`), `opus_…` needs `av` (the extra `media`).
"""

import io
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from anyio import to_thread

from turnwise.api import mp3
from turnwise.api.errors import Malformed
from turnwise.audio import alaw, mulaw
from turnwise.audio.pcm import Pcm, to_s16le
from turnwise.audio.resample import Resampler
from turnwise.base.units import Hertz

_WAV_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM = 1


class Encoder(Protocol):
    """Turns one stream of sound into bytes."""

    def push(self, samples: Pcm) -> bytes:
        """Take int16 mono, shape (n,), at the format's rate; return what is ready."""

    def flush(self) -> bytes:
        """Return the rest."""


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """A form in which a client gets speech."""

    name: str
    """As published: `mp3_44100_128`."""
    media_type: str
    rate_hz: Hertz
    """Of the sound that the encoder takes."""
    make: Callable[[], Encoder]


def sound_format(name: str) -> SoundFormat:
    """Return a published format by its name.

    Raises:
        Malformed: If the package that makes it is not installed.
    """
    kind, _, rest = name.partition("_")
    rate_text, _, bit_rate = rest.partition("_")
    rate = Hertz(int(rate_text))
    if kind == "mp3":
        _check_installed("lameenc", "mp3", name)
        return SoundFormat(name, "audio/mpeg", rate, lambda: Mp3(rate, int(bit_rate)))
    if kind == "opus":
        _check_installed("av", "media", name)
        return SoundFormat(name, "audio/ogg", rate, lambda: Opus(rate, int(bit_rate)))
    media_type, write = {
        "pcm": ("audio/pcm", to_s16le),
        "wav": ("audio/wav", to_s16le),
        "ulaw": ("audio/basic", mulaw.encode),
        "alaw": ("audio/x-alaw-basic", alaw.encode),
    }[kind]
    return SoundFormat(name, media_type, rate, lambda: Plain(write))


async def encoded(
    sound: AsyncGenerator[Pcm, None], from_hz: Hertz, to: SoundFormat
) -> AsyncGenerator[bytes, None]:
    """Yield speech in a format, as it comes; empty bytes are left out.

    Args:
        sound: int16 mono in pieces.
        from_hz: Its rate.
        to: The format; of WAV the sound alone.
    """
    resampler, encoder = Resampler(from_hz, to.rate_hz), to.make()
    async with aclosing(sound):
        async for samples in sound:
            if data := await to_thread.run_sync(encoder.push, resampler.push(samples)):
                yield data
    rest = await to_thread.run_sync(encoder.push, resampler.flush())
    if data := rest + await to_thread.run_sync(encoder.flush):
        yield data


def wav_head(size_bytes: int, rate_hz: Hertz) -> bytes:
    """Return what stands before s16le mono in a WAV file."""
    about = (16, _PCM, 1, rate_hz, 2 * rate_hz, 2, 16)
    rest_bytes = size_bytes + _WAV_HEAD.size - 8
    return _WAV_HEAD.pack(b"RIFF", rest_bytes, b"WAVE", b"fmt ", *about, b"data", size_bytes)


@dataclass(frozen=True, slots=True)
class Plain:
    """Samples one by one."""

    write: Callable[[Pcm], bytes]

    def push(self, samples: Pcm) -> bytes:
        """Return the samples as bytes."""
        return self.write(samples)

    def flush(self) -> bytes:
        """Return nothing: nothing was held back."""
        return b""


class Mp3:
    """MP3 by LAME."""

    def __init__(self, rate_hz: Hertz, bit_rate: int) -> None:
        self._encoder = mp3.encoder_of(rate_hz, 1, bit_rate)

    def push(self, samples: Pcm) -> bytes:
        """Return the frames that are ready."""
        return bytes(self._encoder.encode(to_s16le(samples))) if len(samples) else b""

    def flush(self) -> bytes:
        """Return the last frames."""
        return bytes(self._encoder.flush())


class Opus:
    """Opus in Ogg by FFmpeg."""

    def __init__(self, rate_hz: Hertz, bit_rate: int) -> None:
        self._av = import_module("av")
        self._file = io.BytesIO()
        self._container: Any = self._av.open(self._file, "w", format="ogg")
        self._stream: Any = self._container.add_stream("libopus", rate=rate_hz)
        self._stream.bit_rate = 1000 * bit_rate
        self._stream.layout = "mono"
        self._rate_hz = rate_hz
        self._samples = 0

    def push(self, samples: Pcm) -> bytes:
        """Return the pages that are ready."""
        if len(samples):
            frame = self._av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[np.newaxis, :]), format="s16", layout="mono"
            )
            frame.sample_rate = self._rate_hz
            frame.pts = self._samples
            self._samples += len(samples)
            self._container.mux(self._stream.encode(frame))
        return self._written()

    def flush(self) -> bytes:
        """Return the last pages."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._written()

    def _written(self) -> bytes:
        data = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return data


def _check_installed(package: str, extra: str, name: str) -> None:
    if find_spec(package) is None:
        raise Malformed(
            f"The output format {name} needs the package {package} on the server:"
            f" pip install 'turnwise[{extra}]'. pcm, wav, ulaw and alaw formats need none.",
            code="output_format_not_available",
        )
