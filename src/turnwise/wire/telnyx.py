"""Telnyx media streaming with `stream_bidirectional_mode: rtp`: JSON text <-> what it means.

Shapes: developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket.
"""

from turnwise.wire.carriers import (
    CarrierEvent,
    Json,
    StreamStarted,
    base64_of,
    frame,
    part,
    said,
    text_of,
    texts,
)
from turnwise.wire.errors import WireError, shown

_ENCODING = "PCMU"
_RATE_HZ = 8000


class Telnyx:
    """Telnyx's dialect. Implements `Dialect`."""

    name = "telnyx"

    def read(self, text: str | bytes) -> CarrierEvent:
        """Return what Telnyx said."""
        return said(text, _started)

    def sound(self, stream_id: str, sound: bytes) -> str:  # noqa: ARG002 -- one stream a socket
        """Return the message that plays sound."""
        return f'{{"event":"media","media":{{"payload":"{base64_of(sound)}"}}}}'

    def mark(self, stream_id: str, name: str) -> str:  # noqa: ARG002
        """Return the message that asks when all sound so far was played."""
        return frame(event="mark", mark={"name": name})

    def clear(self, stream_id: str) -> str:  # noqa: ARG002
        """Return the message that throws away what was not played."""
        return frame(event="clear")


def _started(data: Json) -> StreamStarted:
    start = part(data, "start")
    media = part(start, "media_format")
    encoding, rate = media.get("encoding"), media.get("sample_rate")
    if encoding != _ENCODING or str(rate) != str(_RATE_HZ):
        raise WireError(
            f"start.media_format is {shown(encoding)} at {shown(rate)} Hz; it should be "
            f"{_ENCODING} at {_RATE_HZ} Hz: set stream_codec and stream_bidirectional_codec"
        )
    known = texts({name: start.get(name) for name in ("from", "to")})
    return StreamStarted(
        stream_id=text_of(data, "stream_id"),
        call_id=text_of(start, "call_control_id", where="start."),
        caller=known.get("from", ""),
        called=known.get("to", ""),
        parameters=texts(start.get("custom_parameters")),
    )
