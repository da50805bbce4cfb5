"""The caller's side, `voice_ws`: sound as binary frames, or as JSON; int16 mono at 24 kHz."""

from typing import Final, Protocol

import orjson
import pybase64

from turnwise.audio.formats import AudioFormat, parse_format
from turnwise.base.errors import ConfigError, Error

FORMAT: Final[AudioFormat] = parse_format("pcm_24000")
"""Of both directions."""

Frame = str | bytes


class Violation(Error):
    """A caller sends what its protocol does not have."""

    code = "violation"


class ActorProtocol(Protocol):
    """How sound is put into frames."""

    def read(self, frame: Frame) -> bytes | None:
        """Return the sound of a frame; None: the caller hangs up.

        Raises:
            Violation: If it is no frame of this protocol.
        """

    def sound(self, data: bytes) -> Frame:
        """Return a frame of sound."""

    @property
    def farewell(self) -> Frame | None:
        """What is sent before hanging up; None: nothing."""


class Binary:
    """Every frame is sound; closing is hanging up."""

    farewell = None

    def read(self, frame: Frame) -> bytes | None:
        """Return the sound of a frame."""
        if isinstance(frame, str):
            raise Violation("a text frame on a binary channel; see --protocol")
        return frame

    def sound(self, data: bytes) -> Frame:
        """Return a frame of sound."""
        return data


class Json:
    """`{"type": "audio", "audio": "<base64>"}` both ways, and `{"type": "end"}`."""

    farewell = '{"type":"end"}'

    def read(self, frame: Frame) -> bytes | None:
        """Return the sound of a frame; None: it says that this is the end."""
        if isinstance(frame, bytes):
            raise Violation("a binary frame on a JSON channel; see --protocol")
        try:
            message = orjson.loads(frame)
            kind = message["type"]
            if kind == "end":
                return None
            if kind == "audio":
                return pybase64.b64decode(message["audio"], validate=True)
        except (ValueError, KeyError, TypeError) as error:
            raise Violation(f"a frame that is no message of the channel: {error}") from error
        return b""  # of a newer protocol

    def sound(self, data: bytes) -> Frame:
        """Return a frame of sound."""
        message = {"type": "audio", "audio": pybase64.b64encode(data).decode()}
        return orjson.dumps(message).decode()


def protocol_named(name: str) -> ActorProtocol:
    """Return a protocol, `binary` or `json`.

    Raises:
        ConfigError: If there is none of this name.
    """
    protocols: dict[str, ActorProtocol] = {"binary": Binary(), "json": Json()}
    if name not in protocols:
        raise ConfigError(f"--protocol is {name!r}; it should be binary or json")
    return protocols[name]
