"""Which engines hear, think and speak: the ones chosen, or the best that can run here."""

from collections.abc import Mapping
from dataclasses import dataclass

from turnwise.base.errors import ConfigError
from turnwise.providers.registry import Availability, available, create
from turnwise.providers.spec import Kind
from turnwise.runtime.session import Minds
from turnwise.settings import Settings

PREFERENCE: Mapping[Kind, tuple[str, ...]] = {
    "vad": ("silero", "energy"),
    "stt": ("pocketsphinx",),
    "llm": ("offline",),
    "tts": ("espeak",),
}
"""What is taken where nothing is chosen, the best first. Engines that need a key are chosen."""

WHAT: Mapping[Kind, str] = {
    "vad": "speech detection",
    "stt": "speech recognition",
    "llm": "language model",
    "tts": "voice",
}
BETTER: Mapping[Kind, str] = {
    "vad": "pip install 'turnwise[vad]' for Silero, which hears speech in noise",
    "stt": "TURNWISE_STT=openai with a key, or any server with OpenAI's transcription API",
    "llm": "TURNWISE_LLM_BASE_URL=http://… (OpenAI, Ollama, vLLM) and TURNWISE_LLM_MODEL=…",
    "tts": "TURNWISE_TTS=openai with a key, or any server with OpenAI's speech API",
}
"""How to get something better than a demo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One engine in use."""

    kind: Kind
    name: str
    sentence: str
    is_demo: bool

    @property
    def full_name(self) -> str:
        """As in the registry."""
        return f"{self.kind}/{self.name}"


def choose(settings: Settings) -> dict[Kind, Choice]:
    """Return the engine of each kind.

    Raises:
        ConfigError: If a chosen one cannot run here, or none can.
    """
    return {kind: _choose(kind, settings) for kind in PREFERENCE}


def _choose(kind: Kind, settings: Settings) -> Choice:
    found = {each.full_name.partition("/")[2]: each for each in available(kind)}
    chosen = _chosen(kind, settings)
    if chosen:
        if chosen not in found:
            raise ConfigError(f"{kind} is {chosen!r}; it should be one of {', '.join(found)}")
        if reason := found[chosen].reason:
            raise ConfigError(f"{kind} {chosen!r} cannot be used: {reason}")
        return _choice(kind, chosen, found[chosen])
    for name in PREFERENCE[kind]:
        if name in found and found[name].reason is None:
            return _choice(kind, name, found[name])
    wanted = PREFERENCE[kind][0]
    reason = found[wanted].reason if wanted in found else "it is not there"
    raise ConfigError(f"there is no {WHAT[kind]} on this machine: {kind}/{wanted}: {reason}")


def _chosen(kind: Kind, settings: Settings) -> str:
    chosen = {"vad": settings.vad, "stt": settings.stt, "tts": settings.tts, "llm": settings.llm}
    if kind == "llm" and not settings.llm and (settings.llm_base_url or settings.llm_api_key):
        return "openai"
    return chosen[kind]


def _choice(kind: Kind, name: str, found: Availability) -> Choice:
    spec = found.spec
    assert spec is not None
    return Choice(kind=kind, name=name, sentence=spec.sentence, is_demo=spec.quality == "demo")


def make(choices: Mapping[Kind, Choice], settings: Settings) -> Minds:
    """Make the engines.

    Raises:
        ConfigError, ProviderRefused: If one cannot be made.
    """
    model: dict[str, object] = {}
    if choices["llm"].name == "openai":
        options = {
            "base_url": settings.llm_base_url,
            "api_key": settings.llm_api_key,
            "model": settings.llm_model,
        }
        model = {name: value for name, value in options.items() if value}
    return Minds(
        model=create("llm", choices["llm"].name, **model),
        synthesizer=create("tts", choices["tts"].name),
        transcriber=create("stt", choices["stt"].name),
        detector=create("vad", choices["vad"].name),
    )


async def close(minds: Minds) -> None:
    """Give back what the engines hold."""
    for mind in (minds.model, minds.synthesizer, minds.transcriber, minds.detector):
        await mind.aclose()
