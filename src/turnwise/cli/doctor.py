"""`turnwise doctor`: what is in use and why, whether it works, and what would be better.

Nothing is made or changed: a folder or a database that is not there yet is said to be so.
"""

import asyncio
import json
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from turnwise import __version__
from turnwise import minds as engines
from turnwise.audio.pcm import Pcm, silence
from turnwise.audio.resample import Resampler
from turnwise.base.errors import ConfigError, Error
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
from turnwise.providers.registry import available
from turnwise.providers.spec import Kind
from turnwise.settings import PREFIX, Settings, load
from turnwise.store.sql import engine_for

TOML = Path("turnwise.toml")
CHECK_S = 30.0
"""How long one check may take."""
SENTENCE = "What are your opening hours on Sunday morning?"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A setting and who chose its value."""

    name: str
    value: str
    """Never a secret."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A provider of the registry."""

    name: str
    in_use: bool
    usable: str
    """`yes`, or what is missing."""
    quality: str
    needs_key: bool
    extra: str
    """That installs it; empty: none is needed."""
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that was tried."""

    what: str
    state: State
    ms: int
    """How long it took."""
    detail: str


@dataclass(slots=True)
class Findings:
    """All there is to say."""

    settings: list[Chosen] = field(default_factory=list)
    engines: dict[str, str] = field(default_factory=dict)
    """Engine and the reason why it is in use, by kind."""
    providers: list[Row] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    better: dict[str, str] = field(default_factory=dict)
    """By kind."""

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.state != "failed" for check in self.checks)


def doctor(
    data: Annotated[Path | None, typer.Option(help="The data folder, as of `serve`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is in use and why, and try it. Exit code 1 if something does not work."""
    flags = {"data": data}
    settings = load(flags, os.environ, TOML)
    found = Findings(settings=_chosen_settings(settings, flags))
    choices = _choices(settings, found)
    found.providers = [row for kind in engines.PREFERENCE for row in _rows(kind, choices)]
    found.better = {
        engines.WHAT[kind]: engines.BETTER[kind]
        for kind in engines.PREFERENCE
        if kind not in choices or choices[kind].is_demo
    }
    asyncio.run(_try_all(settings, choices, found))
    if as_json:
        told = {"version": __version__, "ok": found.ok, **asdict(found)}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _show(found)
    if not found.ok:
        raise typer.Exit(1)


# --- what is chosen -----------------------------------------------------------------------------


def _chosen_settings(settings: Settings, flags: Mapping[str, object]) -> list[Chosen]:
    written = TOML.read_text(encoding="utf-8") if TOML.is_file() else ""
    named = {line.partition("=")[0].strip() for line in written.splitlines() if "=" in line}
    rows = []
    for row in fields(Settings):
        variable = PREFIX + row.name.upper()
        if flags.get(row.name) is not None:
            source = "option --" + row.name.replace("_", "-")
        elif os.environ.get(variable):
            source = variable
        elif row.name in named:
            source = str(TOML)
        else:
            source = "default"
        value = getattr(settings, row.name)
        shown = str(value) if row.repr else "set, not shown" if value else ""
        rows.append(Chosen(name=row.name, value=shown, source=source))
    return rows


def _choices(settings: Settings, found: Findings) -> dict[Kind, engines.Choice]:
    """Return the engine of each kind that there is one of.

    Raises:
        ConfigError: If one was chosen that cannot be used.
    """
    choices: dict[Kind, engines.Choice] = {}
    for kind in engines.PREFERENCE:
        picked = bool(getattr(settings, kind)) or (kind == "llm" and bool(settings.llm_base_url))
        try:
            choices[kind] = engines.choose(_alone(kind, settings))[kind]
        except ConfigError as error:
            if picked:
                raise
            what = engines.WHAT[kind]
            found.checks.append(Check(what=what, state="failed", ms=0, detail=str(error)))
            continue
        why = "chosen in the settings" if picked else "the best that can run here"
        found.engines[engines.WHAT[kind]] = f"{choices[kind].full_name}: {why}"
    return choices


def _alone(kind: Kind, settings: Settings) -> Settings:
    """Return settings in which all other kinds have a stand-in that always works."""
    others = {other: name for other, name in _STAND_INS.items() if other != kind}
    changes: dict[str, Any] = dict(others)
    return replace(settings, **changes)


def _rows(kind: Kind, choices: Mapping[Kind, engines.Choice]) -> list[Row]:
    rows = []
    for each in available(kind):
        spec = each.spec
        if spec is not None and spec.quality == "double" and spec.name == "scripted":
            continue
        rows.append(
            Row(
                name=each.full_name,
                in_use=kind in choices and choices[kind].full_name == each.full_name,
                usable=each.reason or "yes",
                quality=spec.quality if spec is not None else "",
                needs_key=spec is not None and spec.needs_key,
                extra=(spec.extra if spec is not None else None) or "",
                licence=spec.licence if spec is not None else "",
            )
        )
    return rows


# --- what works ---------------------------------------------------------------------------------


async def _try_all(
    settings: Settings, choices: Mapping[Kind, engines.Choice], found: Findings
) -> None:
    async def check(what: str, act: Callable[[], Awaitable[str]]) -> None:
        found.checks.append(await _check(what, act))

    heard: list[Pcm] = []
    await check("data folder", lambda: asyncio.to_thread(_try_folder, settings.data))
    await check("database", lambda: _try_database(settings))
    for kind in ("vad", "tts", "stt", "llm"):
        if kind in choices:
            what = f"{engines.WHAT[kind]}, {choices[kind].full_name}"
            if kind == "stt" and not heard:
                detail = "there is no voice whose speech it could hear"
                found.checks.append(Check(what=what, state="skipped", ms=0, detail=detail))
                continue
            await check(what, lambda kind=kind: _try_engine(kind, settings, heard))


async def _check(what: str, act: Callable[[], Awaitable[str]]) -> Check:
    began = time.perf_counter()
    state: State = "failed"
    try:
        async with asyncio.timeout(CHECK_S):
            detail = await act()
        state = "ok"
    except TimeoutError:
        detail = f"nothing within {CHECK_S:.0f} s"
    except (Error, OSError, SQLAlchemyError) as error:
        detail = str(error).partition("\n")[0]
    return Check(
        what=what, state=state, ms=round((time.perf_counter() - began) * 1000), detail=detail
    )


def _try_folder(folder: Path) -> str:
    if folder.exists():
        with tempfile.TemporaryFile(dir=folder):
            return f"{folder} can be written to"
    parent = next(each for each in folder.absolute().parents if each.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK)):
        raise ConfigError(f"{folder} is not there, and {parent} cannot be written to")
    return f"{folder} is not there yet: the first start makes it"


async def _try_database(settings: Settings) -> str:
    engine = engine_for(settings.store_url)
    file = engine.url.database
    if engine.dialect.name == "sqlite" and not (file and Path(file).exists()):
        return f"SQLite {sqlite3.sqlite_version}; the first start makes the file"
    try:
        async with engine.connect() as connection:
            sqlite = engine.dialect.name == "sqlite"
            asked = "SELECT sqlite_version()" if sqlite else "SHOW server_version"
            version = (await connection.execute(text(asked))).scalar_one()
            step = (
                await connection.execute(text("SELECT version_num FROM alembic_version"))
            ).scalar_one()
    finally:
        await engine.dispose()
    return f"{'SQLite' if sqlite else 'PostgreSQL'} {version}, schema {step}"


async def _try_engine(kind: Kind, settings: Settings, heard: list[Pcm]) -> str:
    """Let an engine work, and return what it did. The voice leaves its sound in `heard`."""
    alone = _alone(kind, settings)
    minds = await asyncio.to_thread(engines.make, engines.choose(alone), alone)
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
    wanted = set(SENTENCE.lower().rstrip("?").split())
    right = wanted & set(words.lower().replace("?", "").split())
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
    return f"{said.strip()[:60]!r}, first words after {first_ms:.0f} ms"


# --- showing it ---------------------------------------------------------------------------------

_STYLES: Mapping[State, str] = {"ok": "green", "failed": "bold red", "skipped": "yellow"}


def _show(found: Findings) -> None:
    console = Console(highlight=False, soft_wrap=not Console().is_terminal)
    python = f"Python {platform.python_version()} on {platform.system()}"
    console.print(f"[bold]Turnwise {__version__}[/bold]   {python}")
    settings = _table("settings", "value", "from")
    for each in found.settings:
        settings.add_row(each.name, each.value or "-", each.source)
    console.print(settings)
    in_use = _table("in use", "what and why")
    for what, why in found.engines.items():
        in_use.add_row(what, why)
    console.print(in_use)
    providers = _table("providers", "can run here", "quality", "key", "licence")
    for row in found.providers:
        style = "bold" if row.in_use else "" if row.usable == "yes" else "dim"
        key = "needed" if row.needs_key else "-"
        providers.add_row(row.name, row.usable, row.quality, key, row.licence, style=style)
    console.print(providers)
    checks = _table("checks", "", "ms", "what happened")
    for check in found.checks:
        state = Text(check.state, style=_STYLES[check.state])
        checks.add_row(check.what, state, str(check.ms), Text(check.detail))
    console.print(checks)
    if found.better:
        better = _table("better", "how")
        for what, how in found.better.items():
            better.add_row(what, Text(how))
        console.print(better)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold cyan", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    table.title = " "
    return table
