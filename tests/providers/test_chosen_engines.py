"""Engines that someone else runs: chosen in the settings, made, and tried by `doctor`."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal

from providers.provider_rig import ScriptedServer, head, timed_line
from turnwise import minds
from turnwise.base.errors import ConfigError
from turnwise.cli.doctor_checks import SENTENCE, Findings, examine
from turnwise.providers import registry
from turnwise.providers.spec import Kind
from turnwise.settings import Settings, load

SCRIPTED = {
    "TURNWISE_VAD": "energy",
    "TURNWISE_STT": "scripted",
    "TURNWISE_LLM": "scripted",
    "TURNWISE_TTS": "scripted",
}
CLOUD: list[tuple[Kind, str]] = [
    ("stt", "deepgram"),
    ("stt", "elevenlabs"),
    ("stt", "openai"),
    ("tts", "elevenlabs"),
    ("tts", "openai"),
    ("llm", "anthropic"),
    ("llm", "google"),
    ("llm", "openai"),
]


def settings(**environ: str) -> Settings:
    return load({}, SCRIPTED | {f"TURNWISE_{name}": value for name, value in environ.items()}, None)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """In a thread of its own: `doctor` brings its own event loop."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(ScriptedServer()) as running,
    ):
        yield running


def tried(tmp_path: Path, environ: dict[str, str]) -> Findings:
    everything = SCRIPTED | {"TURNWISE_DATA": str(tmp_path)} | environ
    return examine({}, everything, tmp_path / "none.toml")


def state_of(found: Findings, engine: str) -> tuple[object, str]:
    row = next(row for row in found.checks if str(row["check"]).endswith(engine))
    return row["state"], str(row["what happened"])


def test_every_engine_that_needs_a_key_has_a_setting_for_it() -> None:
    kinds: tuple[Kind, ...] = ("vad", "stt", "tts", "llm")
    specs = [each.spec for kind in kinds for each in registry.available(kind)]
    needy = {(spec.kind, spec.name) for spec in specs if spec is not None and spec.needs_key}
    assert needy == set(CLOUD)
    assert {name for _, name in CLOUD} == set(minds._KEYS)


@pytest.mark.parametrize(("kind", "name"), CLOUD)
def test_a_missing_key_is_named(kind: Kind, name: str) -> None:
    variable = f"{name.upper()}_API_KEY"
    with pytest.raises(ConfigError, match=f"{kind} '{name}' needs a key: set TURNWISE_{variable}"):
        minds.choose(settings(**{kind.upper(): name}))
    chosen = settings(**{kind.upper(): name, variable: "S3CRET"})
    assert minds.choose(chosen)[kind].full_name == f"{kind}/{name}"
    assert minds.options(kind, name, chosen)["api_key"] == "S3CRET"
    elsewhere = settings(
        **{kind.upper(): name, f"{kind.upper()}_OPTIONS": '{"base_url": "http://h"}'}
    )
    assert minds.choose(elsewhere)[kind].full_name == f"{kind}/{name}"


def test_options_say_more_than_the_other_settings() -> None:
    chosen = settings(STT="deepgram", DEEPGRAM_API_KEY="a", STT_OPTIONS='{"api_key": "b"}')
    assert minds.options("stt", "deepgram", chosen) == {"api_key": "b"}
    assert minds.options("stt", "scripted", replace(chosen, stt_options={})) == {}


def test_the_key_of_openai_stays_with_openai() -> None:
    chosen = settings(OPENAI_API_KEY="k", LLM="openai", LLM_MODEL="m")
    assert minds.options("llm", "openai", chosen) == {"api_key": "k", "model": "m"}
    chosen = replace(chosen, llm_base_url="http://h/v1")
    assert minds.options("llm", "openai", chosen) == {"base_url": "http://h/v1", "model": "m"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ('{"loud": 1}', "options of 'stt/deepgram'"),
        ('{"timeout_s": "x"}', "'timeout_s' of 'stt/dee"),
    ],
)
def test_bad_options_are_found_when_engines_are_chosen(options: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        minds.choose(settings(STT="deepgram", DEEPGRAM_API_KEY="k", STT_OPTIONS=options))


def test_chosen_engines_are_made_with_their_options() -> None:
    chosen = settings(
        STT="elevenlabs", TTS="elevenlabs", ELEVENLABS_API_KEY="k", TTS_OPTIONS='{"rate_hz": 16000}'
    )
    made = minds.make(minds.choose(chosen), chosen)
    assert made.synthesizer.rate_hz == 16_000
    assert type(made.transcriber).__name__ == "ElevenLabsTranscriber"


@pytest.mark.parametrize("name", ["deepgram", "elevenlabs"])
def test_doctor_tries_a_service_that_hears(
    server: ScriptedServer, tmp_path: Path, name: str
) -> None:
    server.sockets.words = SENTENCE
    options = f'{{"base_url": "{server.sockets.url}"}}'
    environ = {"TURNWISE_STT": name, "TURNWISE_STT_OPTIONS": options, **key_of(name)}
    state, detail = state_of(tried(tmp_path, environ), f"stt/{name}")
    assert (state, "4 of 4 words" in detail) == ("ok", True)
    assert any("S3CRET" in value for _, value in server.sockets.asked[0].headers.raw_items())


def test_doctor_tries_a_service_that_speaks(server: ScriptedServer, tmp_path: Path) -> None:
    tone = (8000 * np.sin(np.arange(24_000) / 20)).astype("<i2").tobytes()
    server.scripts = [
        [head(200), timed_line(SENTENCE, 0, audio_base64=base64.b64encode(tone).decode())]
    ]
    options = f'{{"base_url": "{server.url}"}}'
    environ = {"TURNWISE_TTS": "elevenlabs", "TURNWISE_TTS_OPTIONS": options}
    state, detail = state_of(tried(tmp_path, environ | key_of("elevenlabs")), "tts/elevenlabs")
    assert (state, detail.endswith("1.0 s of speech")) == ("ok", True)
    assert server.asked[0].headers["xi-api-key"] == "S3CRET"


def test_doctor_says_what_is_wrong_with_a_key_and_never_which(
    server: ScriptedServer, tmp_path: Path
) -> None:
    environ = {"TURNWISE_STT": "deepgram"}
    with pytest.raises(ConfigError, match="set TURNWISE_DEEPGRAM_API_KEY"):
        tried(tmp_path, environ)
    server.sockets.refusals = [(401, {})]
    options = f'{{"base_url": "{server.sockets.url}"}}'
    environ |= {"TURNWISE_STT_OPTIONS": options, **key_of("deepgram")}
    found = tried(tmp_path, environ)
    state, detail = state_of(found, "stt/deepgram")
    assert (state, "the key is not accepted" in detail) == ("failed", True)
    assert "S3CRET" not in repr(found)


def key_of(name: str) -> dict[str, str]:
    return {f"TURNWISE_{name.upper()}_API_KEY": "S3CRET"}
