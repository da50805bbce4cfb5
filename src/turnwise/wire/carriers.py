"""What carriers say over a media stream, whatever their dialect, and what is said to them.

A stream is JSON messages on a socket, one per call: `start`, then sound of the person in small
frames, keys that are pressed, marks that come back when all sound before them was played, `stop`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
import pybase64

from turnwise.wire.errors import WireError, shown

MOST_CHARS = 131_072
"""Longest message: frames of 20 ms are 300 characters, a `start` with parameters a few thousand."""
KEYS = frozenset("0123456789*#ABCD")
_THEIRS = ("inbound", "inbound_track")
"""How carriers call the track of the person; Telnyx has both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStarted:
    """The first message of substance: which call this is."""

    stream_id: str
    """The carrier's name for the stream."""
    call_id: str
    """The carrier's name for the call."""
    caller: str = ""
    """Number of who called; empty: the carrier does not say."""
    called: str = ""
    """Number that was called; empty: the carrier does not say."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the operator sent along."""


@dataclass(frozen=True, slots=True)
class SoundArrived:
    """Sound of the person."""

    sound: bytes
    """mu-law, 8 kHz, mono."""
    number: int | None = None
    """Its place among the others, from 1; None: they come in order."""


@dataclass(frozen=True, slots=True)
class MarkReached:
    """All sound before a mark was played, or thrown away."""

    name: str


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The person pressed a key."""

    key: str
    """One of `KEYS`."""


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """The stream, and most often the call, is over."""


@dataclass(frozen=True, slots=True)
class NothingSaid:
    """A message that asks for nothing: a greeting, or one of a kind that is not known here."""


CarrierEvent = StreamStarted | SoundArrived | MarkReached | KeyPressed | StreamStopped | NothingSaid


class Dialect(Protocol):
    """How one carrier puts it."""

    name: str
    """Of the carrier, in one word."""

    def read(self, text: str | bytes) -> CarrierEvent:
        """Return what the carrier said.

        Raises:
            WireError: If it is malformed, or sound of a kind that is not taken here.
        """
        ...

    def sound(self, stream_id: str, sound: bytes) -> str:
        """Return the message that plays mu-law sound, behind what is still to be played."""
        ...

    def mark(self, stream_id: str, name: str) -> str:
        """Return the message that has the carrier tell when all sound so far was played."""
        ...

    def clear(self, stream_id: str) -> str:
        """Return the message that throws away what was not played."""
        ...


@dataclass(frozen=True, slots=True)
class SoundPlayed:
    """What a conversation hears of a mark: a piece of sound was played to its end."""

    piece: int
    """Its number among the pieces that were sent, from 0."""


Json = dict[str, Any]


def said(text: str | bytes, started: Callable[[Json], StreamStarted]) -> CarrierEvent:
    """Return what a carrier said: all but the `start` is the same in every dialect.

    Args:
        text: Its message.
        started: Reads a `start`.

    Raises:
        WireError: If it is malformed, or sound of a kind that is not taken here.
    """
    data = opened(text)
    match text_of(data, "event"):
        case "start":
            return started(data)
        case "media":
            media = part(data, "media")
            # a stream of both tracks would have the agent hear itself
            theirs = media.get("track", "inbound") in _THEIRS
            return sound_of(media) if theirs else NothingSaid()
        case "mark":
            return MarkReached(text_of(part(data, "mark"), "name", where="mark."))
        case "dtmf":
            return key_of(data)
        case "stop":
            return StreamStopped()
        case _:  # also `error`, which says what a carrier did not take of ours
            return NothingSaid()


def opened(text: str | bytes) -> Json:
    """Return a carrier's message as an object.

    Raises:
        WireError: If it is too long, or no object.
    """
    if len(text) > MOST_CHARS:
        raise WireError(f"the message has {len(text)} characters; at most {MOST_CHARS} are taken")
    try:
        data = orjson.loads(text)
    except ValueError as error:
        raise WireError("the message is not JSON") from error
    if not isinstance(data, dict):
        raise WireError(f"the message is {shown(data)}; it should be an object")
    return data


def part(data: Json, name: str) -> Json:
    """Return an object inside a message.

    Raises:
        WireError: If it is none.
    """
    found = data.get(name)
    if not isinstance(found, dict):
        raise WireError(f"{name} is {shown(found)}; it should be an object")
    return found


def text_of(data: Json, name: str, *, where: str = "") -> str:
    """Return a text inside a message.

    Raises:
        WireError: If it is none.
    """
    found = data.get(name)
    if not isinstance(found, str) or not found:
        raise WireError(f"{where}{name} is {shown(found)}; it should be a text")
    return found


def texts(found: object) -> dict[str, str]:
    """Return what an operator sent along, as texts; what is none is left out."""
    if not isinstance(found, dict):
        return {}
    return {str(name): value for name, value in found.items() if isinstance(value, str)}


def sound_of(media: Json) -> SoundArrived:
    """Return the sound in a `media` object.

    Raises:
        WireError: If there is none.
    """
    payload, number = media.get("payload"), media.get("chunk")
    if not isinstance(payload, str):
        raise WireError(f"media.payload is {shown(payload)}; it should be base64")
    try:
        sound = pybase64.b64decode(payload, validate=True)
    except ValueError as error:
        raise WireError(f"media.payload is not base64 ({len(payload)} characters)") from error
    counted = isinstance(number, str | int) and not isinstance(number, bool)
    place = str(number) if counted else ""
    return SoundArrived(sound, int(place) if place.isascii() and place.isdecimal() else None)


def key_of(data: Json) -> KeyPressed:
    """Return the key of a `dtmf` message.

    Raises:
        WireError: If it is none that a telephone has.
    """
    key = text_of(part(data, "dtmf"), "digit", where="dtmf.").upper()
    if key not in KEYS:
        raise WireError(f"dtmf.digit is {shown(key)}; it should be one key of a telephone")
    return KeyPressed(key)


def frame(**members: object) -> str:
    """Return a message as text."""
    return orjson.dumps(members).decode()


def base64_of(sound: bytes) -> str:
    """Return sound as carriers want it."""
    return pybase64.b64encode_as_string(sound)
