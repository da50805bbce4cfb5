"""`/v1/text-to-speech/{voice_id}`: speech as a file or a stream, with or without times."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import chain

import orjson
import pybase64
from anyio import to_thread
from starlette.responses import Response, StreamingResponse

from turnwise.api.problems import request_id_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.sound_formats import encoded, wav_head
from turnwise.api.text_to_speech.orders import Order, order_of
from turnwise.api.text_to_speech.speech import Piece, pieces, published
from turnwise.audio.pcm import Pcm
from turnwise.audio.resample import Resampler

text_to_speech = Slice()

_PATH = "/v1/text-to-speech/{voice_id}"
_WAV = "wav_"


@text_to_speech.serve(f"POST {_PATH}")
async def convert_text(call: Call) -> Answer:
    """Return a text as sound, whole."""
    order = await order_of(call)
    sound = b"".join([data async for data in _sound(order)])
    return Response(_whole(order, sound), media_type=order.format.media_type, headers=_about(call))


@text_to_speech.serve(f"POST {_PATH}/stream")
async def stream_text(call: Call) -> Answer:
    """Return a text as sound, while it is spoken."""
    order = await order_of(call)
    body = await _begun(_sound(order))
    return StreamingResponse(body, media_type=order.format.media_type, headers=_about(call))


@text_to_speech.serve(f"POST {_PATH}/with-timestamps")
async def convert_text_with_timestamps(call: Call) -> Answer:
    """Return a text as sound, whole, and when each character is heard."""
    order = await order_of(call)
    told: list[Piece] = []
    sound = b"".join([data async for data in _sound(order, told)])
    return {
        "audio_base64": pybase64.b64encode_as_string(_whole(order, sound)),
        "alignment": published(chain.from_iterable(piece.written for piece in told)),
        "normalized_alignment": published(chain.from_iterable(piece.spoken for piece in told)),
    }


@text_to_speech.serve(f"POST {_PATH}/stream/with-timestamps")
async def stream_text_with_timestamps(call: Call) -> Answer:
    """Return a text as sound, while it is spoken, and when each character is heard.

    A line of JSON for each piece; times count from the begin of the text.
    """
    body = await _begun(_lines(await order_of(call)))
    return StreamingResponse(body, media_type="application/json", headers=_about(call))


async def _sound(order: Order, told: list[Piece] | None = None) -> AsyncGenerator[bytes, None]:
    """Yield the speech in its format, of WAV without the head.

    Args:
        order: What to speak.
        told: The pieces are put here, too.
    """

    async def samples() -> AsyncGenerator[Pcm, None]:
        async with aclosing(pieces(order)) as spoken:
            async for piece in spoken:
                if told is not None:
                    told.append(piece)
                yield piece.samples

    sound = encoded(samples(), order.synthesizer.rate_hz, order.format)
    async with aclosing(sound):
        async for data in sound:
            yield data


async def _lines(order: Order) -> AsyncGenerator[bytes, None]:
    resampler = Resampler(order.synthesizer.rate_hz, order.format.rate_hz)
    encoder = order.format.make()
    async with aclosing(pieces(order)) as spoken:
        async for piece in spoken:
            data = await to_thread.run_sync(encoder.push, resampler.push(piece.samples))
            yield _line(data, piece)
    rest = await to_thread.run_sync(encoder.push, resampler.flush())
    if data := rest + await to_thread.run_sync(encoder.flush):
        yield _line(data, None)


def _line(data: bytes, piece: Piece | None) -> bytes:
    told = piece is not None and (piece.written or piece.spoken)
    line = {
        "audio_base64": pybase64.b64encode_as_string(data),
        "alignment": published(piece.written) if piece and told else None,
        "normalized_alignment": published(piece.spoken) if piece and told else None,
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _whole(order: Order, sound: bytes) -> bytes:
    if order.format.name.startswith(_WAV):
        return wav_head(len(sound), order.format.rate_hz) + sound
    return sound


async def _begun(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Wait for the first piece: what goes wrong before it can still be answered as an error."""
    return _after(await anext(stream, b""), stream)


async def _after(head: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield head
        async for piece in rest:
            yield piece


def _about(call: Call) -> dict[str, str]:
    """Return the published headers."""
    return {"request-id": request_id_of(call.request), "character-cost": "0"}
