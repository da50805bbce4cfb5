"""What `turnwise doctor` looks at and tries.

Nothing is made or changed: a folder or a database that is not there yet is said to be so.
"""

import asyncio
import os
import re
import sqlite3
import tempfile
import time
import tomllib
from asyncio import to_thread
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from turnwise import minds as engines
from turnwise.audio.pcm import Pcm, silence
from turnwise.audio.resample import Resampler
from turnwise.base.errors import ConfigError, Error
from turnwise.cli.doctor_agents import idle_settings
from turnwise.providers.ports import (
    LISTENING_HZ,
    LanguageModel,
    ListeningOptions,
    ModelMessage,
    ModelRequest,
    SpeechDetector,
    Synthesizer,
    TextDelta,
    Transcriber,
    VoiceOptions,
)
from turnwise.providers.registry import available, create
from turnwise.providers.spec import Kind
from turnwise.runtime.llm_routes import Route
from turnwise.settings import PREFIX, Settings, load

CHECK_S = 30.0
"""How long one check may take."""
SENTENCE = "Hello, where are you?"
ENOUGH_WORDS = 0.25
"""Share of the sentence's words that must be heard."""
_STAND_INS: Mapping[Kind, str] = {
    "vad": "energy",
    "stt": "scripted",
    "llm": "scripted",
    "tts": "scripted",
}
"""For the other kinds, while one engine is looked at alone."""

State = Literal["ok", "failed", "skipped"]
Row = dict[str, object]
"""A line of a table: value by column. A value None or empty is shown as `-`."""


@dataclass(slots=True)
class Findings:
    """All there is to say, as tables."""

    settings: list[Row] = field(default_factory=list)
    in_use: list[Row] = field(default_factory=list)
    routes: list[Row] = field(default_factory=list)
    providers: list[Row] = field(default_factory=list)
    checks: list[Row] = field(default_factory=list)
    better: list[Row] = field(default_factory=list)
    agents: list[Row] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check["state"] != "failed" for check in self.checks)


def examine(flags: Mapping[str, object], environ: Mapping[str, str], toml: Path) -> Findings:
    """Look at everything that a server with these settings would use, and try it.

    Args:
        flags: Options of the command line by setting; None means not given.
        environ: The process's environment.
        toml: The file of settings, there or not.

    Raises:
        ConfigError: If a setting is bad.
    """
    settings = load(flags, environ, toml)
    found = Findings(settings=_settings(settings, flags, environ, toml))
    choices = _choices(settings, found)
    found.providers = [row for kind in engines.PREFERENCE for row in _providers(kind, choices)]
    found.better = [
        {"better": engines.WHAT[kind], "how": engines.BETTER[kind]}
        for kind in engines.PREFERENCE
        if kind not in choices or choices[kind].is_demo
    ]
    table = _routes(settings, choices)
    found.routes = [_route_row(route) for route in table]
    asyncio.run(_try_all(settings, choices, found))
    asyncio.run(_try_routes(table[:-1], found))
    found.agents = asyncio.run(idle_settings(settings))
    return found


# --- what is chosen -----------------------------------------------------------------------------


def _settings(
    settings: Settings, flags: Mapping[str, object], environ: Mapping[str, str], toml: Path
) -> list[Row]:
    """Return each setting, who chose its value, and the value unless it is secret."""
    written = tomllib.loads(toml.read_text(encoding="utf-8")) if toml.is_file() else {}
    rows: list[Row] = []
    for row in fields(Settings):
        variable = PREFIX + row.name.upper()
        if flags.get(row.name) is not None:
            source = "option --" + row.name.replace("_", "-")
        elif environ.get(variable):
            source = variable
        else:
            source = str(toml) if row.name in written else "default"
        value = getattr(settings, row.name)
        shown = str(value) if row.repr else "set, not shown" if value else ""
        rows.append({"setting": row.name, "value": shown, "from": source})
    return rows


def _choices(settings: Settings, found: Findings) -> dict[Kind, engines.Choice]:
    """Return the engine of each kind that there is one of.

    Raises:
        ConfigError: If one was chosen that cannot be used.
    """
    choices: dict[Kind, engines.Choice] = {}
    for kind in engines.PREFERENCE:
        picked = bool(getattr(settings, kind))
        if kind == "llm":
            picked = picked or bool(settings.llm_base_url or settings.llm_api_key)
        try:
            choice = engines.choose(_alone(kind, settings))[kind]
        except ConfigError as error:
            if picked:
                raise
            found.checks.append(_row(engines.WHAT[kind], "failed", 0, str(error)))
            continue
        choices[kind] = choice
        why = "chosen in the settings" if picked else "the best that can run here"
        found.in_use.append(
            {
                "in use": engines.WHAT[kind],
                "what": choice.full_name,
                "why": why,
                "about": choice.sentence,
            }
        )
    return choices


def _alone(kind: Kind, settings: Settings) -> Settings:
    """Return settings in which all other kinds have a stand-in that always works."""
    changes: dict[str, Any] = {"llm_routes": ()}
    for each, name in _STAND_INS.items():
        if each != kind:
            changes |= {each: name, f"{each}_options": {}}
    return replace(settings, **changes)


def _routes(settings: Settings, choices: Mapping[Kind, engines.Choice]) -> Sequence[Route]:
    """Return the rows by which models are routed; none where there is no table.

    Raises:
        ConfigError: If one is bad.
    """
    if not settings.llm_routes or "llm" not in choices:
        return ()
    return engines.routes(choices["llm"], settings).rows


def _route_row(route: Route) -> Row:
    model = "as the agent says" if route.model is None else route.model
    place = route.options.get("base_url", "")
    return {
        "models": route.match,
        "answered by": f"llm/{route.provider}",
        "as": model,
        "at": place,
    }


def _providers(kind: Kind, choices: Mapping[Kind, engines.Choice]) -> list[Row]:
    rows: list[Row] = []
    for each in available(kind):
        spec = each.spec
        in_use = kind in choices and choices[kind].full_name == each.full_name
        rows.append(
            {
                "provider": each.full_name,
                "in use": "yes" if in_use else "",
                "can run here": each.reason or (not in_use and each.missing_model) or "yes",
                "quality": spec.quality if spec else "",
                "needs a key": "yes" if spec and spec.needs_key else "",
                "extra": f"turnwise[{spec.extra}]" if spec and spec.extra else "",
                "licence": spec.licence if spec else "",
            }
        )
    return rows


# --- what works ---------------------------------------------------------------------------------


async def _try_all(
    settings: Settings, choices: Mapping[Kind, engines.Choice], found: Findings
) -> None:
    async def check(what: str, act: Callable[[], Awaitable[str]]) -> None:
        found.checks.append(await _check(what, act))

    heard: list[Pcm] = []
    await check("data folder", partial(_try_folder, settings.data))
    await check("database", lambda: _try_database(settings))
    kinds: tuple[Kind, ...] = ("vad", "tts", "stt", "llm")
    for kind in kinds:
        if kind in choices:
            what = f"{engines.WHAT[kind]}, {choices[kind].full_name}"
            if kind == "stt" and not heard:
                detail = "there is no voice whose speech it could hear"
                found.checks.append(_row(what, "skipped", 0, detail))
                continue
            await check(what, partial(_try_engine, kind, settings, heard))


async def _try_routes(rows: Sequence[Route], found: Findings) -> None:
    async def answer(route: Route) -> str:
        model = await to_thread(lambda: create("llm", route.provider, **route.options))
        try:
            return await _try_model(model, route.model or "")
        finally:
            await model.aclose()

    for route in rows:
        what = f"route of {route.match}, llm/{route.provider}"
        found.checks.append(await _check(what, partial(answer, route)))


def _row(what: str, state: State, ms: float, detail: str) -> Row:
    return {"check": what, "state": state, "ms": round(ms), "what happened": detail}


async def _check(what: str, act: Callable[[], Awaitable[str]]) -> Row:
    began = time.perf_counter()
    state: State = "failed"
    try:
        async with asyncio.timeout(CHECK_S):
            detail = await act()
        state = "ok"
    except TimeoutError:
        detail = f"nothing within {CHECK_S:.0f} s"
    except (Error, OSError) as error:
        detail = str(error).partition("\n")[0]
    return _row(what, state, (time.perf_counter() - began) * 1000, detail)


async def _try_folder(folder: Path) -> str:
    return await to_thread(_look_at, folder)


def _look_at(folder: Path) -> str:
    if folder.exists():
        with tempfile.TemporaryFile(dir=folder):
            return f"{folder} can be written to"
    parent = next(each for each in folder.absolute().parents if each.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise ConfigError(f"{folder} is not there, and {parent} cannot be written to")
    return f"{folder} is not there yet: the first start makes it"


async def _try_database(settings: Settings) -> str:
    url = settings.store_url
    if url.startswith("sqlite"):
        return await to_thread(_look_into, Path(url.partition(":///")[2].partition("?")[0]))
    try:
        import asyncpg  # noqa: PLC0415 - of the extra `postgres`
    except ImportError as error:
        raise ConfigError("the database needs: pip install 'turnwise[postgres]'") from error
    try:
        connection = await asyncpg.connect(f"postgresql://{url.partition('://')[2]}")
        version = await connection.fetchval("SHOW server_version")
        schema = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
        await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConfigError(f"the database cannot be used: {error}") from error
    return f"PostgreSQL {version}" + ("" if schema else "; the first start makes the schema")


def _look_into(file: Path) -> str:
    if not file.exists():
        return f"SQLite {sqlite3.sqlite_version}; the first start makes the file"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            (schema,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise ConfigError(f"the database file {file} cannot be used: {error}") from error
    return f"SQLite {sqlite3.sqlite_version}, schema {schema}"


async def _try_engine(kind: Kind, settings: Settings, heard: list[Pcm]) -> str:
    """Let an engine work, and return what it did. The voice leaves its sound in `heard`."""
    alone = _alone(kind, settings)
    minds = await to_thread(engines.make, engines.choose(alone), alone)
    try:
        match kind:
            case "vad":
                return await _try_detector(minds.detector)
            case "tts":
                return await _try_voice(minds.synthesizer, heard)
            case "stt":
                return await _try_ears(minds.transcriber, heard[0])
            case "llm":
                return await _try_model(minds.model, settings.llm_model)
    finally:
        await engines.close(minds)


async def _try_detector(detector: SpeechDetector) -> str:
    frames = silence(50 * detector.frame_samples).reshape(50, -1)
    began = time.perf_counter()
    stream = detector.open()
    probabilities = await stream.judge(frames)
    stream.close()
    ms = (time.perf_counter() - began) * 1000
    if len(probabilities) != 50 or max(probabilities) > 0.5:
        raise ConfigError("it takes silence for speech")
    return f"50 frames of silence judged in {ms:.1f} ms"


async def _try_voice(voice: Synthesizer, heard: list[Pcm]) -> str:
    began, first_ms = time.perf_counter(), 0.0
    pieces: list[Pcm] = []
    async with aclosing(voice.speak(SENTENCE, VoiceOptions())) as speech:
        async for piece in speech:
            first_ms = first_ms or (time.perf_counter() - began) * 1000
            pieces.append(piece.samples)
    sound = np.concatenate([silence(0), *pieces])
    seconds = len(sound) / voice.rate_hz
    if seconds < 0.5 or np.abs(sound).max() < 100:
        raise ConfigError(f"{seconds:.1f} s of sound came for a whole sentence, or silence")
    resampler = Resampler(voice.rate_hz, LISTENING_HZ)
    pause = silence(LISTENING_HZ // 4)
    heard.append(np.concatenate([pause, resampler.push(sound), resampler.flush(), pause]))
    return f"first sound after {first_ms:.0f} ms, {seconds:.1f} s of speech"


async def _try_ears(ears: Transcriber, sound: Pcm) -> str:
    ended = time.perf_counter()

    async def utterance() -> Any:  # noqa: ANN401 - an async generator
        nonlocal ended
        for start in range(0, len(sound), 512):
            yield sound[start : start + 512]
            await asyncio.sleep(0)
        ended = time.perf_counter()

    words = ""
    async with aclosing(ears.transcribe(utterance(), ListeningOptions())) as told:
        async for each in told:
            words = each.text
    ms = (time.perf_counter() - ended) * 1000
    wanted = set(re.findall(r"\w+", SENTENCE.lower()))
    right = wanted & set(re.findall(r"\w+", words.lower()))
    if len(right) < ENOUGH_WORDS * len(wanted):
        raise ConfigError(f"it heard {words!r} where {SENTENCE!r} was said")
    return f"heard {words!r} {ms:.0f} ms after the end: {len(right)} of {len(wanted)} words"


async def _try_model(model: LanguageModel, name: str) -> str:
    request = ModelRequest(messages=[ModelMessage(role="user", text="Say hello.")], model=name)
    began, first_ms = time.perf_counter(), 0.0
    said = ""
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                first_ms = first_ms or (time.perf_counter() - began) * 1000
                said += event.text
    if not said.strip():
        raise ConfigError("it said nothing")
    return f"{said.strip()[:80]!r}, first words after {first_ms:.0f} ms"
