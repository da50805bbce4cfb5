"""Speech by ElevenLabs' `POST /v1/text-to-speech/{voice}/stream/with-timestamps`, as it streams.

The whole text is there when it is asked for, so a request on a connection that stays open brings
the first sound sooner than a socket, which would need a handshake for each text. Each line of the
answer holds sound, and times of characters that count from the begin of the text.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
import pybase64

from turnwise.audio.alignment import Alignment
from turnwise.audio.formats import FORMATS
from turnwise.audio.frames import SampleJoiner, SampleQueue
from turnwise.base.errors import ConfigError, ProviderBroken
from turnwise.base.units import Hertz, ms_of, samples_in
from turnwise.providers.ports import SoundPiece, VoiceOptions
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.vendor_http import VendorHttp

SPEC = ProviderSpec(
    kind="tts",
    name="elevenlabs",
    sentence="ElevenLabs' voices, with the time of each character.",
    quality="good",
    licence="That of the service.",
    extra="elevenlabs",
    modules=("httpx2",),
    needs_key=True,
)

_RATES_HZ = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_SLOWEST, _FASTEST = 0.7, 1.2
_WITHOUT_LANGUAGE = (
    "eleven_flash_v2",
    "eleven_turbo_v2",
    "eleven_multilingual_v1",
    "eleven_multilingual_v2",
    "eleven_monolingual_v1",
)
"""Models that refuse a request which names the language."""

_WITH_TAGS = ("eleven_v3", "eleven_v4")
"""Families of models that act on audio tags."""

_LAST_BIT_MS = 20
"""Sound that is held back for the last characters, timed or not."""
_LONGEST_CHAR_MS = 200
"""More sound is not held back to keep a character whole: it is a pause, or a mistake."""
_AHEAD_CHARS = 12
"""How many characters of a text the service may leave out: tags, pictures."""


class ElevenLabsSynthesizer:
    """Speaks one text with one request."""

    SPEC = SPEC

    def __init__(  # noqa: PLR0913 - options of the operator
        self,
        *,
        api_key: str | None = None,
        base_url: str = "https://api.elevenlabs.io/v1",
        model: str = "eleven_flash_v2_5",
        voice: str = "cjVigY5qzO86Huf0OWal",
        rate_hz: int = 24_000,
        timeout_s: float = 10.0,
        attempts: int = 2,
    ) -> None:
        """Make one; no connection is opened yet.

        Args:
            api_key: None: the server wants none.
            base_url: Of the server, with the version.
            model: As ElevenLabs names it.
            voice: Id of the default voice.
            rate_hz: Rate of the sound; one that the service offers.
            timeout_s: Longest time without a byte.
            attempts: How often a request is sent at most.

        Raises:
            ProviderRefused: If a package is missing.
            ConfigError: If `base_url` is none, or `rate_hz` is not offered.
        """
        SPEC.check_installed()
        if rate_hz not in _RATES_HZ:
            offered = ", ".join(map(str, _RATES_HZ))
            raise ConfigError(f"rate_hz is {rate_hz!r}; it should be one of {offered}")
        self.rate_hz = Hertz(rate_hz)
        self._model = model
        self.reads_tags = model.startswith(_WITH_TAGS)
        """Whether the model acts on audio tags; others read them aloud."""
        self._voice = voice
        self._headers = {"xi-api-key": api_key} if api_key else {}
        self._http = VendorHttp(
            SPEC.full_name, base_url, None, timeout_s=timeout_s, attempts=attempts
        )

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield the sound as it comes, and at the end what has no sound of its own.

        Raises:
            ProviderError: If ElevenLabs does not give it.
        """
        pieces = _Pieces(text, self.rate_hz)
        if text.strip():
            path = f"text-to-speech/{quote(options.voice or self._voice, safe='')}"
            async with self._http.post(
                f"{path}/stream/with-timestamps",
                params={"output_format": f"pcm_{self.rate_hz}"},
                headers=self._headers,
                json=self._request(text, options),
            ) as response:
                async for line in _lines(response.aiter_bytes()):
                    if (piece := pieces.push(line)) is not None:
                        yield piece
        if (piece := pieces.flush()) is not None:
            yield piece

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def _request(self, text: str, options: VoiceOptions) -> dict[str, object]:
        request: dict[str, object] = {
            "text": _sendable(text),
            "model_id": self._model,
            "voice_settings": {
                "stability": options.stability,
                "similarity_boost": options.similarity_boost,
                "speed": min(max(options.speed, _SLOWEST), _FASTEST),
            },
        }
        if self._model not in _WITHOUT_LANGUAGE:
            request["language_code"] = options.language.partition("-")[0]
        return request


class _Pieces:
    """Makes pieces of the lines of an answer; its times count from the begin of the text.

    Law: sound is cut between characters, so that each piece has all the sound of its own.
    """

    def __init__(self, text: str, rate_hz: Hertz) -> None:
        self._text = text
        self._rate_hz = rate_hz
        self._joiner = SampleJoiner(FORMATS["pcm_24000"])  # any linear format: it knows the width
        self._script = _Script(text)
        self._sound = SampleQueue()
        self._samples = 0  # of the pieces made
        self._timed = Alignment()  # characters that are in no piece yet

    def push(self, line: bytes) -> SoundPiece | None:
        """Take a line; return the piece it makes; None: it has no sound yet.

        Raises:
            ProviderBroken: If it cannot be read.
        """
        try:
            answer = orjson.loads(line)
            sound = pybase64.b64decode(answer["audio_base64"] or "", validate=True)
            self._take_times(answer.get("alignment") or answer.get("normalized_alignment"))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ProviderBroken(SPEC.full_name, "a line of the answer cannot be read") from None
        self._sound.push(self._joiner.push(sound))
        ready = self._ready()
        return self._piece(ready) if ready > 0 else None

    def flush(self) -> SoundPiece | None:
        """Return the last piece; None: nothing is left.

        Raises:
            ProviderBroken: If words have no sound, or it ends in half a sample.
        """
        silent = not self._samples and not self._sound
        if self._joiner.half_sample or (silent and any(map(str.isalnum, self._text))):
            raise ProviderBroken(SPEC.full_name, "the sound is empty or ends in half a sample")
        last = self._piece(len(self._sound))
        late = "".join(self._timed.chars) + self._script.rest()
        if late:
            end_ms = ms_of(len(last.samples), self._rate_hz)
            rest = Alignment.estimate(late, 0).shift(end_ms)
            last = SoundPiece(last.samples, last.alignment.join(rest))
        return last if len(last.samples) or last.alignment.chars else None

    def _take_times(self, told: Mapping[str, Any] | None) -> None:
        if not told:
            return
        starts_s, ends_s = (
            told["character_start_times_seconds"],
            told["character_end_times_seconds"],
        )
        chars: list[str] = []
        times: list[tuple[int, int]] = []
        for entry, start_s, end_s in zip(told["characters"], starts_s, ends_s, strict=True):
            for char in self._script.next(entry):
                chars.append(char)
                times.append((max(0, round(1000 * start_s)), round(1000 * end_s)))
        self._timed = self._timed.join(_aligned(chars, times))

    def _ready(self) -> int:
        """Return how much of the sound can go: where it ends, no character goes on."""
        end_ms = ms_of(self._samples + len(self._sound), self._rate_hz) - _LAST_BIT_MS
        for start, end in zip(self._timed.starts_ms, self._timed.ends_ms, strict=True):
            if end_ms - _LONGEST_CHAR_MS < start < end_ms < end:
                end_ms = start
        return samples_in(end_ms, self._rate_hz) - self._samples

    def _piece(self, samples: int) -> SoundPiece:
        """Give sound the characters that begin before its end; late ones begin with it."""
        from_ms = ms_of(self._samples, self._rate_hz)
        self._samples += samples
        to_ms = ms_of(self._samples, self._rate_hz)
        ready = self._timed.cut(0, to_ms)
        self._timed = self._timed.cut(to_ms, None).shift(to_ms)
        times = [
            (max(start, from_ms) - from_ms, min(end, to_ms) - from_ms)
            for start, end in zip(ready.starts_ms, ready.ends_ms, strict=True)
        ]
        return SoundPiece(self._sound.take(samples), _aligned(ready.chars, times))


class _Script:
    """The text, as far as the service has told its times."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sent = _sendable(text)
        self._at = 0

    def next(self, entry: str) -> str:
        """Return the text up to what the service tells a time of; empty: it is not of the text.

        The service puts spaces where there are none, and leaves out what it cannot say.
        """
        at = self._at
        space = at
        while space < len(self._sent) and self._sent[space].isspace():
            space += 1
        if not entry or entry.isspace():
            self._at = min(at + len(entry), space)
        else:
            found = self._sent.find(entry, space, space + _AHEAD_CHARS + len(entry))
            self._at = at if found < 0 else found + len(entry)
        return self._text[at : self._at]

    def rest(self) -> str:
        """Return what is left."""
        return self._text[self._at :]


async def _lines(body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield what stands between line feeds: in JSON, other ends of lines are text."""
    waiting = b""
    async for data in body:
        *whole, waiting = (waiting + data).split(b"\n")
        for line in filter(bytes.strip, whole):
            yield line
    if waiting.strip():
        yield waiting


def _aligned(chars: Sequence[str], times: Sequence[tuple[int, int]]) -> Alignment:
    """Make an alignment of begin and end in ms."""
    return Alignment.of_chars(
        chars, [start for start, _ in times], [max(0, end - start) for start, end in times]
    )


def _sendable(text: str) -> str:
    """Replace what JSON cannot carry, half a surrogate pair; the length stays."""
    return text.encode(errors="replace").decode()
