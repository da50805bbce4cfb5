"""What a provider must offer, by kind.

All sound is int16 mono, shape (n,), at the rate the port names. Streams are async generators: use
them in `contextlib.aclosing`; closing one cancels the work behind it within 100 ms. A provider's
failure is a `ProviderError`; nothing else leaves a provider.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from turnwise.audio.alignment import Alignment
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderError
from turnwise.base.units import Hertz

if TYPE_CHECKING:
    import asyncio

LISTENING_HZ = Hertz(16_000)
"""Rate of all sound that detectors and transcribers get."""


# --- hearing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of an utterance as text."""

    text: str
    final: bool
    """Whether the transcriber is done with the utterance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningOptions:
    """How one conversation is transcribed."""

    language: str = "en"
    """ISO 639-1 code."""
    keywords: tuple[str, ...] = ()
    """Words that are likelier than usual."""


class Transcriber(Protocol):
    """Turns sound into words."""

    def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield tentative words while one utterance goes on, and final ones after its end.

        Each text stands for the whole utterance so far. The last one is final, and comes even where
        nothing was understood: then it is empty.

        Args:
            utterance: Sound at `LISTENING_HZ` from shortly before the first word; ends with the
                speech. Frames of any length.
            options: Language and likely words.

        Raises:
            ProviderError: If the words cannot be had.
        """

    async def aclose(self) -> None:
        """Give back what is shared by all conversations: processes, connections."""


class SpeechDetector(Protocol):
    """Judges frames of all conversations of a process together."""

    frame_samples: int
    """Length of a frame at `LISTENING_HZ`."""

    def open(self) -> "SpeechStream":
        """Begin to judge one conversation."""

    async def aclose(self) -> None:
        """Stop the worker."""


@runtime_checkable
class InBatches(Protocol):
    """A detector that can say how it judges; not all can."""

    on_batch: Callable[[int, float], None]
    """Told after each batch how many frames were judged together, and how long it took (seconds).
    Called in the detector's own thread."""


class SpeechStream(Protocol):
    """The speech detector of one conversation."""

    def judge(self, frames: "Frames") -> "asyncio.Future[list[float]]":
        """Return the probability of speech, 0 to 1, for each frame in turn.

        A future, not a coroutine: whoever hears many conversations needs no task for each.

        Args:
            frames: int16, shape (k, frame_samples), in order, following on the last call's.
        """

    def close(self) -> None:
        """Give the slot back."""


Frames = Pcm
"""int16, shape (k, frame_samples)."""


# --- thinking -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as a language model sees it."""

    name: str
    description: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    """JSON Schema of an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMessage:
    """One line of what the model is told."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    tool_calls: tuple["ToolCall", ...] = ()
    """Of an assistant."""
    tool_call_id: str | None = None
    """Of a tool: which call it answers."""
    tool_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model wants a tool."""

    id: str
    name: str
    arguments: str
    """JSON text of an object, as the model wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A language model that the owner of an agent runs (`prompt.custom_llm`)."""

    url: str
    """With the path or without it: `https://models.example/v1`."""
    model: str = ""
    api: str = "chat_completions"
    """`chat_completions` or `responses`, of OpenAI's HTTP API."""
    api_version: str | None = None
    """Of Azure's variety of it; None: it is another's."""
    headers: Callable[[], Awaitable[Mapping[str, str]]] | None = field(default=None, repr=False)
    """Asked before each request for its headers, the key included; it raises `ProviderRefused` if
    one cannot be had. None: there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What a language model is asked."""

    messages: Sequence[ModelMessage]
    """The system prompt first, then the conversation, oldest first."""
    tools: Sequence[ToolSpec] = ()
    model: str = ""
    """Of a provider: the model's own name; empty: its default. Of the server: the agent's
    `prompt.llm`, which is routed to a provider."""
    knowledge: Sequence[str] = ()
    """Documents of the agent, for a provider that retrieves by itself."""
    temperature: float | None = None
    """None: the request says nothing about it."""
    max_tokens: int | None = None
    """Of the answer; None: no limit."""
    reasoning_effort: str | None = None
    """`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`; None: the model's own."""
    thinking_budget: int | None = None
    """Tokens to think with, 0: do not think; None: the model's own. Not every model has one."""
    reasoning_summary: bool = False
    """Whether to tell what it thought, where it can."""
    reasoning_stream: bool = False
    """Whether to tell what it thinks while it does, where it does so by itself or was asked to."""
    parallel_tool_calls: bool | None = None
    """Whether several tools may be called at once; None: as the model does by itself."""
    service_tier: str | None = None
    """`standard` or `fast`; None: as the account has it. Not every API has tiers."""
    extra_body: Mapping[str, object] = field(default_factory=dict)
    """More members of the request, for providers whose API has room for them."""
    user_id: str | None = None
    """The client's own name for the user, for an `endpoint`."""
    endpoint: Endpoint | None = None
    """Where `custom-llm` leads to; None: the agent has none."""
    backups: tuple[str, ...] | None = ()
    """Who is asked when the model fails, each as the agent names it; None: the server's own
    choice."""
    cascade_timeout_s: float = 4.0
    """How long the first word may take where there is a backup."""
    aside: bool = False
    """Whether it is a task beside the conversation, for models that do what they are told: one
    that only looks answers up refuses it."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next words of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model thought of its answer, in its own words or summed up; told at the end."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """The next words of what a model thinks of its answer, as they come."""

    text: str


@dataclass(frozen=True, slots=True)
class Answering:
    """Who writes what follows, where that is decided while one waits for it."""

    model: str
    failed: tuple[str, ...] = ()
    """Who was asked before and did not answer, and why, without anything either side said."""
    errors: tuple[ProviderError, ...] = field(default=(), compare=False)
    """The same as they were raised."""
    ignored: tuple[str, ...] = ()
    """What was asked of this model and has no effect, and why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost."""

    input_tokens: int
    """Those from and for a cache included."""
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    input_price: float = 0.0
    """US dollars; 0: the price is not known, or there is none."""
    output_price: float = 0.0
    """As `input_price`."""
    model: str = ""
    """Who wrote it; empty: the one that `Answering` named."""
    wasted: bool = False
    """Whether it was thrown away: an empty answer, the slower of two."""
    estimated: bool = False
    """Whether the numbers are a guess, because the answer was broken off."""


ModelEvent = Answering | TextDelta | Thought | ThoughtDelta | ToolCall | Usage


class LanguageModel(Protocol):
    """Writes replies."""

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer as it is written; tool calls complete, usage last.

        Raises:
            ProviderError: If there is none, or it breaks off.
        """

    async def aclose(self) -> None:
        """Give back connections."""


@runtime_checkable
class Tiered(Protocol):
    """A language model that can say whether it asks for a `service_tier`; others do not."""

    has_tiers: bool


def has_tiers(model: LanguageModel) -> bool:
    """Return whether a language model asks for a `service_tier`."""
    return isinstance(model, Tiered) and model.has_tiers


# --- speaking -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceOptions:
    """How a text is spoken."""

    voice: str = ""
    """The wire's `voice_id`, or the provider's own name of a voice; empty: its default."""
    language: str = "en"
    speed: float = 1.0
    """0.7 to 1.2 in a stored agent; more is accepted."""
    stability: float = 0.5
    similarity_boost: float = 0.8
    labelled: tuple[tuple[str, "VoiceOptions"], ...] = ()
    """Other voices of the same agent, by the label that marks their words; chosen before anybody is
    asked to speak."""

    def of(self, label: str) -> "VoiceOptions":
        """Return the voice with a label; without one, or with one that nobody has: this voice."""
        return next((voice for known, voice in self.labelled if known == label), self)


@dataclass(frozen=True, slots=True)
class SoundPiece:
    """A piece of speech."""

    samples: Pcm
    alignment: Alignment
    """The characters this piece covers, times from its start. Over all pieces of a text, each
    character of the text appears exactly once, in order."""


class Synthesizer(Protocol):
    """Speaks."""

    rate_hz: Hertz
    """Rate of the sound it gives."""

    def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield the sound of a sentence or clause, the first piece as soon as it can be had.

        Raises:
            ProviderError: If it cannot be spoken.
        """

    async def aclose(self) -> None:
        """Give back processes and connections."""


@runtime_checkable
class TagReader(Protocol):
    """A synthesizer that can say whether it acts on audio tags (`[laughs]`); others do not."""

    reads_tags: bool


def reads_tags(synthesizer: Synthesizer) -> bool:
    """Return whether a synthesizer acts on audio tags and pauses in its text."""
    return isinstance(synthesizer, TagReader) and synthesizer.reads_tags


Gender = Literal["female", "male", "neutral", ""]
"""How a voice sounds to most people; empty: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice that a synthesizer has."""

    voice_id: str
    """As `VoiceOptions.voice` names it."""
    name: str
    """For people."""
    language: str = ""
    """ISO 639-1 code; empty: it speaks all that the synthesizer speaks."""
    gender: Gender = ""


@runtime_checkable
class VoiceCatalogue(Protocol):
    """A synthesizer that can say which voices it has; not all can."""

    async def voices(self) -> Sequence[Voice]:
        """Return the voices, in the order in which people should see them.

        Raises:
            ProviderError: If they cannot be had.
        """


async def voices_of(synthesizer: Synthesizer) -> Sequence[Voice]:
    """Return the voices of a synthesizer; empty: it cannot say.

    Raises:
        ProviderError: If they cannot be had.
    """
    return await synthesizer.voices() if isinstance(synthesizer, VoiceCatalogue) else ()
