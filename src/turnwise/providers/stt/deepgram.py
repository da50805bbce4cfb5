"""Speech to text by Deepgram's live socket, `/v1/listen`: words while they are spoken.

A socket serves one utterance: its handshake is over long before the utterance is. The engine ends
turns, so Deepgram's own endpointing is off; `CloseStream` at the end brings what is left of the
words, then `Metadata`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderBroken, ProviderRefused
from turnwise.providers.pieces import in_pieces
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.speech_socket import Answer, SpeechSocket

SPEC = ProviderSpec(
    kind="stt",
    name="deepgram",
    sentence="Deepgram's live transcription, or a server with its socket; words as they are said.",
    quality="good",
    licence="That of the service.",
    needs_key=True,
)

_CLOSE = '{"type":"CloseStream"}'


class Deepgram:
    """Transcribes one utterance with one socket."""

    SPEC = SPEC

    def __init__(  # noqa: PLR0913 - options of the operator
        self,
        *,
        api_key: str | None = None,
        base_url: str = "wss://api.deepgram.com/v1",
        model: str = "nova-3",
        language: str = "",
        parameters: Mapping[str, str] | None = None,
        timeout_s: float = 5.0,
        attempts: int = 2,
    ) -> None:
        """Make one; no connection is opened yet.

        Args:
            api_key: None: the server wants none.
            base_url: Of the server, with the version.
            model: As Deepgram names it.
            language: What is spoken, `multi` for several; empty: the language of the agent.
            parameters: More parameters of the address, as Deepgram names them: `smart_format`.
            timeout_s: Longest time to connect, and then without an answer at the end.
            attempts: How often the connection is tried at most.

        Raises:
            ConfigError: If `base_url` is none.
        """
        self._model = model
        self._language = language
        self._parameters = dict(parameters or {})
        headers = {"Authorization": f"Token {api_key}"} if api_key else {}
        self._socket = SpeechSocket(
            SPEC.full_name, base_url, headers, timeout_s=timeout_s, attempts=attempts
        )

    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield tentative words whenever they change, and the final ones.

        Raises:
            ProviderError: If Deepgram does not give them.
        """
        heard = _Heard()
        told = ""
        exchange = self._socket.exchange("listen", self._query(options), _messages(utterance))
        async with aclosing(exchange) as answers:
            async for answer in answers:
                if answer.get("type") == "Metadata":
                    break
                heard.take(answer)
                if heard.text != told:
                    told = heard.text
                    yield Words(told, final=False)
        yield Words(heard.text, final=True)

    async def aclose(self) -> None:
        """Hold nothing: each socket ends with its utterance."""

    def _query(self, options: ListeningOptions) -> list[tuple[str, str]]:
        query = {
            "model": self._model,
            "language": self._language or options.language,
            "encoding": "linear16",
            "sample_rate": str(LISTENING_HZ),
            "channels": "1",
            "interim_results": "true",
            "punctuate": "true",
            "endpointing": "false",
            **self._parameters,
        }
        likely = "keyterm" if self._model.startswith(("nova-3", "flux")) else "keywords"
        return [*query.items(), *((likely, word) for word in options.keywords)]


class _Heard:
    """The words of one utterance so far: segments that stay, and one that may change."""

    def __init__(self) -> None:
        self._stay: list[str] = []
        self._changes = ""

    @property
    def text(self) -> str:
        """All of them."""
        return " ".join(filter(None, [*self._stay, self._changes]))

    def take(self, answer: Answer) -> None:
        """Take a message.

        Raises:
            ProviderError: If it says that something is wrong, or cannot be read.
        """
        if answer.get("type") == "Error":
            variant = answer.get("variant")
            reason = f"the request is not accepted: {variant}"
            raise ProviderRefused(SPEC.full_name, reason)
        if answer.get("type") != "Results":
            return
        try:
            alternatives = answer["channel"]["alternatives"]
            segment = alternatives[0]["transcript"].strip() if alternatives else ""
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ProviderBroken(SPEC.full_name, "a result holds no words") from None
        if answer.get("is_final"):
            self._stay.append(segment)
            segment = ""
        self._changes = segment


async def _messages(utterance: AsyncIterator[Pcm]) -> AsyncGenerator[bytes | str, None]:
    """Yield the sound, and the end of it if there was any: an empty message would be the end."""
    some = False
    async with aclosing(in_pieces(utterance)) as pieces:
        async for piece in pieces:
            some = True
            yield piece
    if some:
        yield _CLOSE
