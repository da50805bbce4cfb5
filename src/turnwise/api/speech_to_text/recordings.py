"""A recording as a client sends it, in the form that transcribers listen to.

WAV files of plain samples and bare samples are read as they are. All else, from MP3 to what
browsers record (WebM, Ogg, MP4), needs the package `av` (the extra `media`).
"""

import io
import wave
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turnwise.api.errors import Malformed
from turnwise.audio.pcm import Pcm, from_s16le
from turnwise.audio.resample import Resampler
from turnwise.base.errors import FormatError
from turnwise.base.units import Hertz
from turnwise.providers.ports import LISTENING_HZ

MOST_SECS = 2 * 3600
"""Length of the longest recording."""
MOST_CHANNELS = 5

_SAMPLES_AT_ONCE = 65_536
_FFMPEG = {
    "format_whitelist": "aac,aiff,amr,au,caf,flac,matroska,webm,mov,mp4,mp3,mpegts,ogg,w64,wav",
    "protocol_whitelist": "pipe",
}
"""Kinds of files that lead to no other file: a playlist would have FFmpeg read what it names."""

Channels = list[Pcm]
"""The sound of each channel, int16, all of one length."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded, at `LISTENING_HZ`."""

    channels: Channels

    @property
    def secs(self) -> float:
        """How long it is."""
        return len(self.channels[0]) / LISTENING_HZ

    def mixed(self) -> Pcm:
        """Return all channels in one."""
        if len(self.channels) == 1:
            return self.channels[0]
        mixed: Pcm = np.mean(self.channels, axis=0).astype(np.int16)
        return mixed


def read(data: bytes, *, bare: bool) -> Recording:
    """Return a recording.

    Args:
        data: The file.
        bare: Whether it is s16le mono at 16 kHz and nothing else.

    Raises:
        Malformed: If it cannot be read here, is empty, or is too long.
    """
    if not data:
        raise Malformed("The file is empty.", code="empty_file")
    try:
        if bare:
            return _checked([from_s16le(data)])
        plain = _of_wav(data) if data[:4] == b"RIFF" else None
    except FormatError as error:
        raise Malformed("The sound ends in half a sample.", code="invalid_audio") from error
    return _checked(plain if plain is not None else _of_any(data))


def _of_wav(data: bytes) -> Channels | None:
    """Return the channels of a WAV file; None: it is of a kind that FFmpeg may know."""
    try:
        with wave.open(io.BytesIO(data)) as reader:
            count, width = reader.getnchannels(), reader.getsampwidth()
            rate_hz, frames = reader.getframerate(), reader.readframes(reader.getnframes())
    except (wave.Error, EOFError):
        return None
    if not rate_hz or width not in {1, 2, 3, 4}:
        return None
    return _resampled(_int16(frames, width, count), Hertz(rate_hz))


def _int16(frames: bytes, width: int, channels: int) -> NDArray[np.int16]:
    """Return samples of 8 to 32 bits as int16, shape (n, channels): the upper 16 bits of each."""
    whole = len(frames) - len(frames) % (width * channels)
    octets = np.frombuffer(frames[:whole], np.uint8).reshape(-1, width)
    if width == 1:  # the only one without a sign
        samples = (octets[:, 0].astype(np.int16) - 128) * 256
    else:
        samples = np.ascontiguousarray(octets[:, -2:]).view("<i2")[:, 0].astype(np.int16)
    return samples.reshape(-1, channels)


def _of_any(data: bytes) -> Channels:
    if find_spec("av") is None:
        raise Malformed(
            "Only WAV files and pcm_s16le_16 can be read; other formats need the package av on the"
            " server: pip install 'turnwise[media]'.",
            code="unsupported_file_format",
        )
    av = import_module("av")
    try:
        with av.open(io.BytesIO(data), options=_FFMPEG) as container:
            return _decoded(av, container)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise Malformed("The file has no sound that can be read.", code="invalid_audio") from error


def _decoded(av: Any, container: Any) -> Channels:  # noqa: ANN401  # the package is optional
    stream = container.streams.audio[0]
    resampler = av.AudioResampler(format="s16p", rate=LISTENING_HZ)
    pieces: list[NDArray[np.int16]] = []
    samples = 0
    for frame in chain(container.decode(stream), [None]):
        for part in resampler.resample(frame):
            pieces.append(part.to_ndarray())
            samples += part.samples
        if samples > MOST_SECS * LISTENING_HZ:
            break
    return list(np.concatenate(pieces, axis=1)) if pieces else []


def _resampled(samples: NDArray[np.int16], from_hz: Hertz) -> Channels:
    return [_one_resampled(channel, from_hz) for channel in np.ascontiguousarray(samples.T)]


def _one_resampled(channel: Pcm, from_hz: Hertz) -> Pcm:
    resampler = Resampler(from_hz, LISTENING_HZ)
    starts = range(0, len(channel), _SAMPLES_AT_ONCE)
    pieces = [resampler.push(channel[start : start + _SAMPLES_AT_ONCE]) for start in starts]
    return np.concatenate([*pieces, resampler.flush()])


def _checked(channels: Channels) -> Recording:
    if not channels or not len(channels[0]):
        raise Malformed("The file has no sound in it.", code="invalid_audio")
    if len(channels) > MOST_CHANNELS:
        raise Malformed(f"At most {MOST_CHANNELS} channels can be read.", code="invalid_audio")
    recording = Recording(channels)
    if recording.secs > MOST_SECS:
        raise Malformed(f"At most {MOST_SECS} seconds can be read.", code="audio_too_long")
    return recording
