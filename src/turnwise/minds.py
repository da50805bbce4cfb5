"""Which engines hear, think and speak: the ones chosen, or the best that can run here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from turnwise.base.errors import ConfigError
from turnwise.outgoing import Limits, Outgoing
from turnwise.providers.ports import Endpoint, LanguageModel
from turnwise.providers.registry import Availability, available, create, read_options
from turnwise.providers.spec import Kind
from turnwise.runtime.hedging import Hedged
from turnwise.runtime.llm_routes import Route, Routes, read_routes
from turnwise.runtime.routed_model import RoutedModel
from turnwise.runtime.session import Minds
from turnwise.settings import PREFIX, Options, Settings

PREFERENCE: Mapping[Kind, tuple[str, ...]] = {
    "vad": ("silero", "energy"),
    "stt": ("moonshine", "sherpa", "whisper", "pocketsphinx"),
    "llm": ("offline",),
    "tts": ("kokoro", "piper", "espeak"),
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
    "stt": "pip install 'turnwise[moonshine]', then turnwise download stt/moonshine;"
    " or TURNWISE_STT=openai, deepgram or elevenlabs with a key,"
    " or any server with OpenAI's transcription API",
    "llm": "TURNWISE_LLM_BASE_URL=http://… (OpenAI, Ollama, vLLM) and TURNWISE_LLM_MODEL=…;"
    " or TURNWISE_LLM=openai, anthropic or google with a key",
    "tts": "pip install 'turnwise[kokoro]', then turnwise download tts/kokoro;"
    " or TURNWISE_TTS=openai or elevenlabs with a key, or any server with OpenAI's speech API",
}
"""How to get something better than a demo."""

_KEYS = {
    "deepgram": "deepgram_api_key",
    "elevenlabs": "elevenlabs_api_key",
    "openai": "openai_api_key",
    "anthropic": "anthropic_api_key",
    "google": "google_api_key",
}
"""Setting that holds the key of an engine."""

_SPREADING = ("pocketsphinx", "moonshine")
"""Engines that load a model for each core: each of several processes has its share of these."""


ENDPOINT_LIMITS = Limits(seconds=15.0, answer_bytes=16 * 1_048_576)
"""Of a request to an agent's own model: 15 s without a byte, and no answer is longer."""


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
        ConfigError: If a chosen one cannot run here, lacks its key or its model, or does not take
            its options, or none can run.
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
        return _choice(kind, chosen, found[chosen], settings)
    for name in PREFERENCE[kind]:
        if name in found and found[name].ready:
            return _choice(kind, name, found[name], settings)
    wanted = PREFERENCE[kind][-1]  # the one that needs the least
    reason = found[wanted].reason if wanted in found else "it is not there"
    raise ConfigError(f"there is no {WHAT[kind]} on this machine: {kind}/{wanted}: {reason}")


def _chosen(kind: Kind, settings: Settings) -> str:
    chosen = {"vad": settings.vad, "stt": settings.stt, "tts": settings.tts, "llm": settings.llm}
    if kind == "llm" and not settings.llm and (settings.llm_base_url or settings.llm_api_key):
        return "openai"
    return chosen[kind]


def _choice(kind: Kind, name: str, found: Availability, settings: Settings) -> Choice:
    spec = found.spec
    assert spec is not None
    given = options(kind, name, settings)
    if name in _KEYS and not given.keys() & {"api_key", "base_url"}:  # other hosts may want none
        variable = f"{PREFIX}{_KEYS[name].upper()}"
        raise ConfigError(f"{kind} {name!r} needs a key: set {variable}")
    path = given.get("path")
    if reason := spec.missing_model(path if isinstance(path, Path) else None):
        raise ConfigError(f"{kind} {name!r} cannot be used: {reason}")
    return Choice(kind=kind, name=name, sentence=spec.sentence, is_demo=spec.quality == "demo")


def options(kind: Kind, name: str, settings: Settings) -> dict[str, object]:
    """Return what an engine is made with: the options chosen for its kind, and its key.

    Raises:
        ConfigError: If it does not take them.
    """
    chosen: Mapping[Kind, Options] = {
        "vad": settings.vad_options,
        "stt": settings.stt_options,
        "llm": settings.llm_options,
        "tts": settings.tts_options,
    }
    return read_options(kind, name, {**_told_elsewhere(kind, name, settings), **chosen[kind]})


def _told_elsewhere(kind: Kind, name: str, settings: Settings) -> dict[str, object]:
    """Return the options of an engine that have a setting of their own."""
    if settings.workers > 1:
        cores = max(1, (os.cpu_count() or 1) // settings.workers)
        if kind == "stt" and name in _SPREADING:
            return {"cores": cores}
        if (kind, name) == ("vad", "silero"):
            return {"own_thread": cores > 1}
    told = {"api_key": getattr(settings, _KEYS[name])} if name in _KEYS else {}
    if kind == "llm" and name in _KEYS:
        place = settings.llm_base_url
        key = settings.llm_api_key or ("" if place else getattr(settings, _KEYS[name]))
        told = {"base_url": place, "api_key": key, "model": settings.llm_model}
    return {option: value for option, value in told.items() if value}


def make(
    choices: Mapping[Kind, Choice], settings: Settings, outgoing: Outgoing | None = None
) -> Minds:
    """Make the engines.

    Args:
        choices: Of each kind one.
        settings: What they are made with.
        outgoing: The way to agents' own models; None: there is no guard on it.

    Raises:
        ConfigError, ProviderRefused: If one cannot be made.
    """
    voice, ears, detector = (
        (choices[kind].name, options(kind, choices[kind].name, settings))
        for kind in ("tts", "stt", "vad")
    )
    return Minds(
        model=_routed(routes(choices["llm"], settings), settings, outgoing),
        synthesizer=create("tts", voice[0], **voice[1]),
        transcriber=create("stt", ears[0], **ears[1]),
        detector=create("vad", detector[0], **detector[1]),
    )


def routes(choice: Choice, settings: Settings) -> Routes:
    """Return which language model answers for which name.

    Args:
        choice: The language model in use, for all names that no row has.
        settings: With the table.

    Raises:
        ConfigError: If a row of the table is none, or its provider cannot be used so.
    """
    given = {**_once(choice.name), **options("llm", choice.name, settings)}
    engine = Route(
        match="*", provider=choice.name, model=str(given.get("model", "")), options=given
    )
    rows = [_checked(n, row, settings) for n, row in enumerate(_rows(settings), 1)]
    return Routes(rows, engine)


def _rows(settings: Settings) -> list[Route]:
    return read_routes(settings.llm_routes, os.environ)


def _checked(number: int, row: Route, settings: Settings) -> Route:
    where, name = f"llm_routes, row {number}", row.provider
    found = {each.full_name.partition("/")[2]: each for each in available("llm")}
    if name not in found:
        known = ", ".join(found)
        raise ConfigError(f"{where}: provider is {name!r}; it should be one of {known}")
    if reason := found[name].reason:
        raise ConfigError(f"{where}: {name!r} cannot be used: {reason}")
    key = getattr(settings, _KEYS[name]) if name in _KEYS else ""
    given = _once(name)
    if key and "base_url" not in row.options:  # no other host gets it
        given["api_key"] = key
    try:
        read = read_options("llm", name, {**given, **row.options})
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if name in _KEYS and not read.keys() & {"api_key", "base_url"}:
        variable = f"{PREFIX}{_KEYS[name].upper()}"
        raise ConfigError(f"{where}: {name!r} needs a key: set {variable}, or api_key_env in it")
    return Route(match=row.match, provider=name, model=row.model, options=read)


def _once(name: str) -> dict[str, object]:
    return {"attempts": 1} if name in _KEYS else {}  # the cascade asks again


def _routed(table: Routes, settings: Settings, outgoing: Outgoing | None) -> RoutedModel:
    made: dict[str, LanguageModel] = {}
    models: dict[Route, LanguageModel] = {}
    for route in table.rows:
        place = repr((route.provider, sorted(route.options.items())))
        if place not in made:
            model = create("llm", route.provider, **route.options)
            made[place] = Hedged(model) if settings.llm_hedging else model
        models[route] = made[place]
    return RoutedModel(table, models, partial(_custom, outgoing))


def _custom(outgoing: Outgoing | None, endpoint: Endpoint) -> LanguageModel:
    make_client = partial(outgoing.client, ENDPOINT_LIMITS) if outgoing is not None else None
    return create(
        "llm",
        "custom",
        url=endpoint.url,
        api=endpoint.api,
        api_version=endpoint.api_version,
        make_client=make_client,
    )


async def close(minds: Minds) -> None:
    """Give back what the engines hold."""
    for mind in (minds.model, minds.synthesizer, minds.transcriber, minds.detector):
        await mind.aclose()
