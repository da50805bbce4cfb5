"""Speech by any server with OpenAI's `POST /audio/speech`, as it streams.

The server tells no times. Characters are dealt out at a usual pace while the sound comes, and what
is left of them goes to the last piece: `Alignment.estimated` says so.
"""

import re
from collections.abc import AsyncGenerator, Mapping

from turnwise.audio.alignment import Alignment
from turnwise.audio.formats import FORMATS
from turnwise.audio.frames import SampleJoiner, SampleQueue
from turnwise.base.errors import ProviderBroken
from turnwise.base.units import Hertz, ms_of, samples_in
from turnwise.providers.ports import SoundPiece, VoiceOptions
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.vendor_http import VendorHttp

SPEC = ProviderSpec(
    kind="tts",
    name="openai",
    sentence="Any server with OpenAI's speech API: OpenAI, Kokoro-FastAPI, speaches, vLLM-Omni.",
    quality="good",
    licence="That of the service.",
    extra="openai",
    modules=("httpx2",),
    needs_key=True,
)

_PIECE_MS = 100
_MS_PER_CHAR = 65
"""How long a character of English lasts."""

_WIRE_VOICE = re.compile(r"[A-Za-z0-9]{20}")
"""What ids of voices of the hosted service look like: no other server knows them."""


class OpenAiSynthesizer:
    """Speaks one text with one request."""

    SPEC = SPEC

    def __init__(  # noqa: PLR0913 - options of the operator
        self,
        *,
        base_url: str = "https://api.openai.com/v1",
        api_key: str | None = None,
        model: str = "tts-1",
        voice: str = "alloy",
        voices: Mapping[str, str] | None = None,
        rate_hz: int = 24_000,
        timeout_s: float = 10.0,
        attempts: int = 2,
    ) -> None:
        """Make one; no connection is opened yet.

        Args:
            base_url: Of the server, with the version.
            api_key: None: the server wants none.
            model: As the server names it.
            voice: The default, as the server names it.
            voices: The server's names of voices that agents name otherwise.
            rate_hz: Rate of the server's `pcm`; OpenAI's is 24,000.
            timeout_s: Longest time without a byte.
            attempts: How often a request is sent at most.

        Raises:
            ProviderRefused: If a package is missing.
            ConfigError: If `base_url` is none.
        """
        SPEC.check_installed()
        self.rate_hz = Hertz(rate_hz)
        self._model = model
        self._voice = voice
        self._voices = dict(voices or {})
        self._http = VendorHttp(
            SPEC.full_name, base_url, api_key, timeout_s=timeout_s, attempts=attempts
        )

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield sound in pieces of 100 ms, the last one longer or shorter.

        Raises:
            ProviderError: If the server does not give it.
        """
        if not text.strip():
            if text:
                yield _last_piece(text, SampleQueue(), self.rate_hz)
            return
        request = {
            "model": self._model,
            "input": text.encode(errors="replace").decode(),  # half a surrogate pair is no JSON
            "voice": self._voice_of(options),
            "speed": options.speed,
            "response_format": "pcm",
        }
        joiner = SampleJoiner(FORMATS["pcm_24000"])  # any linear format: it knows the width alone
        waiting = SampleQueue()
        pace = _Pace(text, options.speed)
        piece_samples = samples_in(_PIECE_MS, self.rate_hz)
        async with self._http.post("audio/speech", json=request) as response:
            async for data in response.aiter_bytes():
                waiting.push(joiner.push(data))
                while len(waiting) > piece_samples:
                    yield SoundPiece(waiting.take(piece_samples), pace.next(_PIECE_MS))
        if not waiting or joiner.half_sample:
            raise ProviderBroken(SPEC.full_name, "the sound is empty or ends in half a sample")
        yield _last_piece(pace.rest, waiting, self.rate_hz)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def _voice_of(self, options: VoiceOptions) -> str:
        if options.voice in self._voices:
            return self._voices[options.voice]
        known = options.voice and not _WIRE_VOICE.fullmatch(options.voice)
        return options.voice if known else self._voice


class _Pace:
    """Deals out the characters of a text by time."""

    def __init__(self, text: str, speed: float) -> None:
        self.rest = text
        """What is not dealt out; the last character stays for the last piece."""
        self._ms_per_char = _MS_PER_CHAR / speed
        self._over_ms = 0
        self._dealt = 0

    def next(self, length_ms: int) -> Alignment:
        """Return the characters that begin in the next so many milliseconds."""
        end_ms = self._over_ms + length_ms
        chars = 0
        while chars < len(self.rest) - 1 and (self._dealt + chars) * self._ms_per_char < end_ms:
            chars += 1
        alignment = Alignment.estimate(self.rest[:chars], length_ms)
        self.rest = self.rest[chars:]
        self._dealt += chars
        self._over_ms = end_ms
        return alignment


def _last_piece(rest: str, waiting: SampleQueue, rate_hz: Hertz) -> SoundPiece:
    sound = waiting.take(len(waiting))
    return SoundPiece(sound, Alignment.estimate(rest, ms_of(len(sound), rate_hz)))
