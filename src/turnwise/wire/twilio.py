"""Twilio Media Streams, bidirectional (`<Connect><Stream>`): JSON text <-> what it means.

Shapes: twilio.com/docs/voice/media-streams/websocket-messages.
"""

import re

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

_PLAIN = re.compile(r"[\w-]+", re.ASCII)
_ENCODING = "audio/x-mulaw"
_RATE_HZ = 8000


class Twilio:
    """Twilio's dialect. Implements `Dialect`."""

    name = "twilio"

    def read(self, text: str | bytes) -> CarrierEvent:
        """Return what Twilio said."""
        return said(text, _started)

    def sound(self, stream_id: str, sound: bytes) -> str:
        """Return the message that plays sound."""
        # by hand: nearly all of the traffic; ids and base64 need no escapes
        payload = base64_of(sound)
        return f'{{"event":"media","streamSid":"{stream_id}","media":{{"payload":"{payload}"}}}}'

    def mark(self, stream_id: str, name: str) -> str:
        """Return the message that asks when all sound so far was played."""
        return frame(event="mark", streamSid=stream_id, mark={"name": name})

    def clear(self, stream_id: str) -> str:
        """Return the message that throws away what was not played."""
        return frame(event="clear", streamSid=stream_id)


def _started(data: Json) -> StreamStarted:
    start = part(data, "start")
    media = start.get("mediaFormat")
    if isinstance(media, dict):
        encoding, rate = media.get("encoding"), media.get("sampleRate")
        if encoding != _ENCODING or str(rate) != str(_RATE_HZ):
            raise WireError(
                f"start.mediaFormat is {shown(encoding)} at {shown(rate)} Hz; "
                f"it should be {_ENCODING} at {_RATE_HZ} Hz"
            )
    # beside `start`, too; carriers that speak as Twilio does have it only there
    stream_id = text_of({"streamSid": data.get("streamSid"), **start}, "streamSid", where="start.")
    if not _PLAIN.fullmatch(stream_id):
        raise WireError(f"start.streamSid is {shown(stream_id)}; it should be letters and digits")
    return StreamStarted(
        stream_id=stream_id,
        call_id=text_of(start, "callSid", where="start."),
        parameters=texts(start.get("customParameters")),
    )
