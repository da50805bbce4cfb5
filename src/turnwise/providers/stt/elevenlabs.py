"""Speech to text by ElevenLabs' realtime socket, `/v1/speech-to-text/realtime`.

A socket serves one utterance: its handshake is over long before the utterance is. The engine ends
turns, so the transcript is committed by hand, at the end; the service commits by itself only what
grows too long.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import orjson
import pybase64

from turnwise.audio.pcm import BYTES_PER_SAMPLE, Pcm
from turnwise.base.errors import ProviderBroken, ProviderRefused, ProviderUnavailable
from turnwise.providers.pieces import in_pieces
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.speech_socket import Answer, SpeechSocket

SPEC = ProviderSpec(
    kind="stt",
    name="elevenlabs",
    sentence="ElevenLabs' realtime transcription (Scribe); words as they are said.",
    quality="good",
    licence="That of the service.",
    needs_key=True,
)

_LEAST_BYTES = BYTES_PER_SAMPLE * LISTENING_HZ // 2
"""Less than 0.3 s is not transcribed (`commit_throttled`): silence makes short words longer."""
_MOST_KEYTERMS = 50
_LONGEST_KEYTERM = 20
"""In characters: one that is longer makes the service refuse the whole request."""

_REFUSALS = {
    "auth_error",
    "quota_exceeded",
    "unaccepted_terms",
    "invalid_request",
    "input_error",
    "chunk_size_exceeded",
}
_FAILURES = {
    "rate_limited",
    "queue_overflow",
    "resource_exhausted",
    "commit_throttled",
    "insufficient_audio_activity",
    "session_time_limit_exceeded",
    "transcriber_error",
    "error",
}
_NOTHING_MORE = {"commit_throttled", "insufficient_audio_activity"}
"""After the commit: there was too little sound or speech for more words."""


class ElevenLabsTranscriber:
    """Transcribes one utterance with one socket."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str = "https://api.elevenlabs.io/v1",
        model: str = "scribe_v2_realtime",
        parameters: Mapping[str, str] | None = None,
        timeout_s: float = 5.0,
        attempts: int = 2,
    ) -> None:
        """Make one; no connection is opened yet.

        Args:
            api_key: None: the server wants none.
            base_url: Of the server, with the version.
            model: As ElevenLabs names it.
            parameters: More parameters of the address, as ElevenLabs names them: `no_verbatim`.
            timeout_s: Longest time to connect, and then without an answer at the end.
            attempts: How often the connection is tried at most.

        Raises:
            ConfigError: If `base_url` is none.
        """
        self._model = model
        self._parameters = dict(parameters or {})
        headers = {"xi-api-key": api_key} if api_key else {}
        self._socket = SpeechSocket(
            SPEC.full_name, base_url, headers, timeout_s=timeout_s, attempts=attempts
        )

    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield tentative words whenever they change, and the final ones.

        Raises:
            ProviderError: If ElevenLabs does not give them.
        """
        heard = _Heard()
        told = ""
        exchange = self._socket.exchange(
            "speech-to-text/realtime", self._query(options), heard.messages(utterance)
        )
        async with aclosing(exchange) as answers:
            async for answer in answers:
                heard.take(answer)
                if heard.complete:
                    break
                if heard.text != told:
                    told = heard.text
                    yield Words(told, final=False)
        if heard.committing and not heard.complete:
            raise ProviderBroken(SPEC.full_name, "the service closed before the final words")
        yield Words(heard.text, final=True)

    async def aclose(self) -> None:
        """Hold nothing: each socket ends with its utterance."""

    def _query(self, options: ListeningOptions) -> list[tuple[str, str]]:
        query = {
            "model_id": self._model,
            "audio_format": f"pcm_{LISTENING_HZ}",
            "commit_strategy": "manual",
            "language_code": options.language.partition("-")[0],
            **self._parameters,
        }
        keyterms = [word for word in options.keywords if len(word) <= _LONGEST_KEYTERM]
        return [*query.items(), *(("keyterms", word) for word in keyterms[:_MOST_KEYTERMS])]


class _Heard:
    """One utterance: what is sent of it, and its words so far."""

    def __init__(self) -> None:
        self.committing = False
        """Whether the end has been sent."""
        self.complete = False
        """Whether the words are final."""
        self._committed: list[str] = []
        self._partial = ""

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(filter(None, [*self._committed, self._partial]))

    async def messages(self, utterance: AsyncIterator[Pcm]) -> AsyncGenerator[str, None]:
        """Yield the sound, and the commit if there was any."""
        length_bytes = 0
        async with aclosing(in_pieces(utterance)) as pieces:
            async for piece in pieces:
                length_bytes += len(piece)
                yield _chunk(piece)
        if length_bytes:
            self.committing = True
            yield _chunk(bytes(max(0, _LEAST_BYTES - length_bytes)), commit=True)

    def take(self, answer: Answer) -> None:
        """Take a message.

        Raises:
            ProviderError: If it says that something is wrong, or cannot be read.
        """
        kind = answer.get("message_type")
        if self.committing and kind in _NOTHING_MORE:
            self.complete = True
        elif kind == "partial_transcript":
            self._partial = _text(answer)
        elif kind == "committed_transcript":
            self._committed.append(_text(answer))
            self._partial = ""
            self.complete = self.committing
        elif kind in _REFUSALS:
            raise ProviderRefused(SPEC.full_name, f"the service says {kind}")
        elif kind in _FAILURES:
            raise ProviderUnavailable(SPEC.full_name, f"the service says {kind}")


def _text(answer: Answer) -> str:
    text = answer.get("text")
    if not isinstance(text, str):
        raise ProviderBroken(SPEC.full_name, "a transcript holds no text")
    return text.strip()


def _chunk(sound: bytes, *, commit: bool = False) -> str:
    message = {
        "message_type": "input_audio_chunk",
        "audio_base_64": pybase64.b64encode(sound).decode(),
        "commit": commit,
        "sample_rate": LISTENING_HZ,
    }
    return orjson.dumps(message).decode()
