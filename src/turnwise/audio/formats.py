"""The seven forms that sound has on the wire, by name: rate, codec and width. All are mono.

Laws: `decode` undoes `encode` exactly for linear sound; for mu-law, `encode` undoes `decode` except
that the byte of negative zero (0x7F) comes back as that of zero (0xFF).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from turnwise.audio import mulaw, pcm
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import FormatError
from turnwise.base.units import Hertz, Samples, ms_of, samples_in


class Codec(Enum):
    """How one sample is written as bytes."""

    PCM = "pcm"
    """Linear, signed 16 bit, little-endian."""

    ULAW = "ulaw"
    """G.711 mu-law, 8 bit."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A form of sound that a client may ask for. Mono."""

    name: str
    """As on the wire: `pcm_16000`."""

    rate_hz: Hertz
    """Samples a second."""

    codec: Codec
    """How one sample is written."""

    bytes_per_sample: int
    """Size of one sample."""

    def samples_of(self, size_bytes: int) -> Samples:
        """Return how many whole samples `size_bytes` bytes hold."""
        return Samples(size_bytes // self.bytes_per_sample)

    def ms_of(self, size_bytes: int) -> int:
        """Return how many whole milliseconds `size_bytes` bytes last."""
        return ms_of(self.samples_of(size_bytes), self.rate_hz)

    def bytes_in(self, ms: int) -> int:
        """Return the size in bytes of the whole samples that fit into `ms` milliseconds."""
        return samples_in(ms, self.rate_hz) * self.bytes_per_sample


def _linear(rate_hz: int) -> AudioFormat:
    return AudioFormat(f"pcm_{rate_hz}", Hertz(rate_hz), Codec.PCM, pcm.BYTES_PER_SAMPLE)


_ALL = (
    _linear(8000),
    _linear(16000),
    _linear(22050),
    _linear(24000),
    _linear(44100),
    _linear(48000),
    AudioFormat("ulaw_8000", Hertz(8000), Codec.ULAW, 1),
)

FORMATS: Mapping[str, AudioFormat] = MappingProxyType({each.name: each for each in _ALL})
"""The formats by name."""  # agent.asyncapi.yaml, ConversationInitiationMetadata


def parse_format(name: str) -> AudioFormat:
    """Return the format that `name` stands for on the wire.

    Raises:
        FormatError: If it is none of the seven.
    """
    try:
        return FORMATS[name]
    except KeyError:
        accepted = ", ".join(FORMATS)
        raise FormatError(f"unknown audio format {name!r}; accepted are {accepted}") from None


def decode(data: bytes, audio_format: AudioFormat) -> Pcm:
    """Read bytes of a format as int16 mono, shape (n,), at its rate.

    Raises:
        FormatError: If the bytes end in half a sample; `frames.SampleJoiner` takes such a stream.
    """
    if audio_format.codec is Codec.ULAW:
        return mulaw.decode(data)
    return pcm.from_s16le(data)


def encode(samples: Pcm, audio_format: AudioFormat) -> bytes:
    """Write int16 mono, shape (n,), at the rate of a format as its bytes."""
    if audio_format.codec is Codec.ULAW:
        return mulaw.encode(samples)
    return pcm.to_s16le(samples)
