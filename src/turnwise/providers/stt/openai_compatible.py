"""Speech to text by any server with OpenAI's `POST /audio/transcriptions`, at the utterance's end.

There are no tentative words: the server gets the whole utterance as one WAV.
"""

import wave
from collections.abc import AsyncGenerator, AsyncIterator
from io import BytesIO

from turnwise.audio.pcm import BYTES_PER_SAMPLE, Pcm, to_s16le
from turnwise.base.errors import ProviderBroken
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.vendor_http import VendorHttp

SPEC = ProviderSpec(
    kind="stt",
    name="openai",
    sentence="Any server with OpenAI's transcription API: OpenAI, Groq, vLLM, speaches.",
    quality="good",
    licence="That of the service.",
    extra="openai",
    modules=("httpx2",),
    needs_key=True,
)


class OpenAiTranscriber:
    """Transcribes one utterance with one request."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        base_url: str = "https://api.openai.com/v1",
        api_key: str | None = None,
        model: str = "whisper-1",
        timeout_s: float = 10.0,
        attempts: int = 2,
    ) -> None:
        """Make one; no connection is opened yet.

        Args:
            base_url: Of the server, with the version.
            api_key: None: the server wants none.
            model: As the server names it.
            timeout_s: Longest time without a byte.
            attempts: How often a request is sent at most.

        Raises:
            ProviderRefused: If a package is missing.
            ConfigError: If `base_url` is none.
        """
        SPEC.check_installed()
        self._model = model
        self._http = VendorHttp(
            SPEC.full_name, base_url, api_key, timeout_s=timeout_s, attempts=attempts
        )

    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield the final words.

        Raises:
            ProviderError: If the server does not give them.
        """
        sound = bytearray()
        async for frame in utterance:
            sound += to_s16le(frame)
        yield Words(await self._ask(bytes(sound), options) if sound else "", final=True)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _ask(self, sound: bytes, options: ListeningOptions) -> str:
        fields = {
            "model": self._model,
            "language": options.language.partition("-")[0],
            "response_format": "json",
        }
        if options.keywords:
            fields["prompt"] = ", ".join(options.keywords)
        files = {"file": ("utterance.wav", wav(sound), "audio/wav")}
        async with self._http.post("audio/transcriptions", data=fields, files=files) as response:
            await response.aread()
            try:
                text = response.json()["text"]
            except (ValueError, KeyError, TypeError):
                text = None
        if not isinstance(text, str):
            raise ProviderBroken(SPEC.full_name, "the answer holds no text")
        return text.strip()


def wav(sound: bytes) -> bytes:
    """Return a WAV file of s16le mono bytes at `LISTENING_HZ`."""
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(BYTES_PER_SAMPLE)
        writer.setframerate(LISTENING_HZ)
        writer.writeframes(sound)
    return file.getvalue()
