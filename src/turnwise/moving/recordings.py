"""Recordings as this server keeps them: WAV files. The hosted service gives MP3."""

import io
import wave
from importlib import import_module
from importlib.util import find_spec
from itertools import chain

from turnwise.moving.target import Refused

_OPTIONS = {"format_whitelist": "mp3,ogg,wav,flac,mov,mp4,matroska,webm"}
"""Kinds of files that lead to no other file."""


def can_decode() -> bool:
    """Return whether MP3 can be made WAV: it needs the package `av`."""
    return find_spec("av") is not None


def as_wav(data: bytes) -> bytes:
    """Return a recording as a WAV file of 16 bits, with its rate and its channels.

    Raises:
        Refused: If it cannot be read.
    """
    if data[:4] == b"RIFF":
        return data
    if not can_decode():
        raise Refused("it is no WAV file; to convert it: pip install 'turnwise[media]'")
    av = import_module("av")
    try:
        with av.open(io.BytesIO(data), options=_OPTIONS) as container:
            stream = container.streams.audio[0]
            rate, channels = stream.rate, stream.codec_context.channels
            layout = "mono" if channels == 1 else "stereo"
            resampler = av.AudioResampler(format="s16", rate=rate, layout=layout)
            frames = chain(container.decode(stream), [None])
            parts = [part for frame in frames for part in resampler.resample(frame)]
            samples = b"".join(part.to_ndarray().tobytes() for part in parts)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise Refused("its recording has no sound that can be read") from error
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if layout == "mono" else 2)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()
