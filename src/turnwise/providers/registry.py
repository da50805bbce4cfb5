"""The providers by name, as strings that are resolved on first use: nobody pays for the others.

Other packages add theirs by an entry point of the group `turnwise.providers`, whose name is
`kind/name` and whose value the class; it must have a `SPEC`.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Literal, overload

from pydantic import ConfigDict, TypeAdapter, ValidationError

from turnwise.base.errors import ConfigError
from turnwise.providers.ports import LanguageModel, SpeechDetector, Synthesizer, Transcriber
from turnwise.providers.spec import Kind, ProviderSpec

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "vad/silero": "turnwise.providers.vad.silero:Silero",
        "vad/energy": "turnwise.providers.vad.energy:Energy",
        "stt/moonshine": "turnwise.providers.stt.moonshine:Moonshine",
        "stt/sherpa": "turnwise.providers.stt.sherpa:Sherpa",
        "stt/whisper": "turnwise.providers.stt.whisper:Whisper",
        "stt/pocketsphinx": "turnwise.providers.stt.pocketsphinx:PocketSphinx",
        "stt/deepgram": "turnwise.providers.stt.deepgram:Deepgram",
        "stt/elevenlabs": "turnwise.providers.stt.elevenlabs:ElevenLabsTranscriber",
        "stt/openai": "turnwise.providers.stt.openai_compatible:OpenAiTranscriber",
        "stt/scripted": "turnwise.providers.stt.scripted:Scripted",
        "llm/offline": "turnwise.providers.llm.offline:Offline",
        "llm/openai": "turnwise.providers.llm.openai_compatible:OpenAiModel",
        "llm/anthropic": "turnwise.providers.llm.anthropic:AnthropicModel",
        "llm/google": "turnwise.providers.llm.google:GoogleModel",
        "llm/custom": "turnwise.providers.llm.custom:CustomModel",
        "llm/scripted": "turnwise.providers.llm.scripted:Scripted",
        "tts/kokoro": "turnwise.providers.tts.kokoro:Kokoro",
        "tts/piper": "turnwise.providers.tts.piper:Piper",
        "tts/espeak": "turnwise.providers.tts.espeak:Espeak",
        "tts/elevenlabs": "turnwise.providers.tts.elevenlabs:ElevenLabsSynthesizer",
        "tts/openai": "turnwise.providers.tts.openai_compatible:OpenAiSynthesizer",
        "tts/scripted": "turnwise.providers.tts.scripted:Scripted",
    }
)
"""`kind/name` -> `module:class`."""

_GROUP = "turnwise.providers"
_ANY_TYPE = ConfigDict(arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a provider can be used here."""

    full_name: str
    """As in the registry."""

    spec: ProviderSpec | None
    """None: it could not even be imported."""

    reason: str | None
    """Why it cannot be used, one sentence; None: it can, given its key and its model if it needs
    them."""

    missing_model: str | None = None
    """How to get the model that is not where it is looked for; None: nothing is missing."""

    @property
    def ready(self) -> bool:
        """Whether it can be used as it is, without options."""
        return self.reason is None and self.missing_model is None


@overload
def create(kind: Literal["vad"], name: str, **options: object) -> SpeechDetector: ...
@overload
def create(kind: Literal["stt"], name: str, **options: object) -> Transcriber: ...
@overload
def create(kind: Literal["llm"], name: str, **options: object) -> LanguageModel: ...
@overload
def create(kind: Literal["tts"], name: str, **options: object) -> Synthesizer: ...
def create(kind: Kind, name: str, **options: object) -> object:
    """Make a provider.

    Args:
        kind: What it is for.
        name: The second half of its name.
        options: Those of its class.

    Raises:
        ConfigError: If there is none of that name, or it has no such option.
        ProviderRefused: If it cannot be made here.
    """
    return _maker(f"{kind}/{name}", options)(**options)


def read_options(kind: Kind, name: str, options: Mapping[str, object]) -> dict[str, object]:
    """Return options that a person wrote as the types that the provider's class names.

    Raises:
        ConfigError: If there is no such provider, it has no such option, or a value is none of the
            option's type.
    """
    full_name = f"{kind}/{name}"
    parameters = inspect.signature(_maker(full_name, options)).parameters
    read: dict[str, object] = {}
    for option, value in options.items():
        told = parameters[option].annotation if option in parameters else object
        wanted = object if told is inspect.Parameter.empty or isinstance(told, str) else told
        try:
            read[option] = TypeAdapter(wanted, config=_ANY_TYPE).validate_python(value)
        except ValidationError as error:
            reason = error.errors(include_input=False, include_url=False)[0]["msg"]
            raise ConfigError(f"the option {option!r} of {full_name!r}: {reason}") from None
    return read


def _maker(full_name: str, options: Mapping[str, object]) -> Any:  # noqa: ANN401 - as `_resolve`
    try:
        made = _resolve(full_name)
    except ImportError as error:
        raise ConfigError(f"the provider {full_name!r} cannot be imported: {error}") from error
    signature = inspect.signature(made)
    try:
        signature.bind(**options)
    except TypeError as error:
        known = ", ".join(signature.parameters) or "none"
        raise ConfigError(f"options of {full_name!r}: {error}; it has: {known}") from error
    return made


def available(kind: Kind) -> list[Availability]:
    """Return all providers of a kind, doubles too, and whether they can be used here."""
    return [_availability(name) for name in sorted(_targets()) if name.startswith(f"{kind}/")]


def local_engines() -> dict[str, ProviderSpec]:
    """Return the providers that need a model on this machine, by full name."""
    kinds: tuple[Kind, ...] = ("vad", "stt", "llm", "tts")
    found = (each for kind in kinds for each in available(kind))
    return {each.full_name: each.spec for each in found if each.spec and each.spec.model}


def _availability(full_name: str) -> Availability:
    try:
        spec = _resolve(full_name).SPEC
    except (ImportError, AttributeError) as error:
        return Availability(full_name, None, f"it cannot be imported: {error}")
    return Availability(full_name, spec, spec.missing(), spec.missing_model())


def _resolve(full_name: str) -> Any:  # noqa: ANN401 - a class that nothing is known of
    targets = _targets()
    if full_name not in targets:
        known = ", ".join(sorted(targets))
        raise ConfigError(f"there is no provider {full_name!r}; known are {known}")
    module, _, name = targets[full_name].partition(":")
    return getattr(import_module(module), name)


@cache
def _targets() -> Mapping[str, str]:
    found = {entry.name: entry.value for entry in entry_points(group=_GROUP)}
    return MappingProxyType({**found, **BUILT_IN})
