"""Engines whose models are fetched: the real libraries on models that were made here."""

import asyncio
import json
import logging
from pathlib import Path

import numpy as np
import pytest

from providers import tiny_models
from providers.provider_rig import (
    ScriptedServer,
    all_of,
    can_speak,
    head,
    spoken,
    utterance,
    whole,
)
from turnwise.base.errors import ConfigError, ProviderBroken, ProviderRefused, ProviderUnavailable
from turnwise.minds import PREFERENCE, choose
from turnwise.providers import registry
from turnwise.providers.model_files import ModelFiles, fetch, model_folder
from turnwise.providers.ports import ListeningOptions, SoundPiece, VoiceOptions, Words
from turnwise.providers.sentence_speech import sentences, steady_choice
from turnwise.providers.spec import Kind, ProviderSpec
from turnwise.settings import Settings

pytestmark = pytest.mark.anyio

ENGINES = sorted(tiny_models.BUILDERS)


def reason(full_name: str) -> str | None:
    """Why an engine cannot be tried here."""
    listed = registry.available(full_name.partition("/")[0])  # type: ignore[arg-type]
    found = next(each for each in listed if each.full_name == full_name)
    return found.reason or tiny_models.missing(full_name)


def needs(full_name: str) -> pytest.MarkDecorator:
    why = reason(full_name)
    return pytest.mark.skipif(why is not None, reason=f"{full_name}: {why}")


runnable = pytest.mark.parametrize(
    "full_name", [pytest.param(each, marks=needs(each)) for each in ENGINES]
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without models."""
    monkeypatch.setattr(
        "turnwise.providers.model_files.user_data_path", lambda *_, **__: tmp_path / "data"
    )
    return tmp_path


def make(full_name: str, **options: object) -> object:
    kind, _, name = full_name.partition("/")
    return registry.create(kind, name, **options)  # type: ignore[call-overload]


# --- models ------------------------------------------------------------------------------------


def test_these_are_all_that_need_a_model() -> None:
    assert sorted(registry.local_engines()) == ENGINES


@runnable
def test_an_engine_without_a_model_says_how_to_get_it(full_name: str, home: Path) -> None:
    folder = home / "data" / "models" / full_name.replace("/", "-")
    with pytest.raises(ProviderRefused, match=f"turnwise download {full_name}") as caught:
        make(full_name)
    assert str(folder) in str(caught.value)
    assert "option 'path'" in str(caught.value)
    with pytest.raises(ProviderRefused, match="elsewhere"):
        make(full_name, path=home / "elsewhere")


@pytest.mark.parametrize("full_name", ENGINES)
def test_what_is_fetched_is_what_is_needed(full_name: str, tmp_path: Path) -> None:
    spec = registry.local_engines()[full_name]
    assert spec.model is not None
    assert spec.missing_model(tmp_path)
    for name in spec.model.files:
        (tmp_path / name).touch()
    assert spec.missing_model(tmp_path) is None


@runnable
async def test_a_model_that_cannot_be_read_is_refused(full_name: str, tmp_path: Path) -> None:
    spec = registry.local_engines()[full_name]
    assert spec.model is not None
    for name in spec.model.files:
        (tmp_path / name).write_text("nonsense")
    with pytest.raises(ProviderRefused, match=r"cannot be (loaded|used)"):
        await use(full_name, make(full_name, path=tmp_path))


async def use(full_name: str, engine: object) -> None:
    try:
        if full_name.startswith("stt/"):
            sound = utterance(np.zeros(3200, np.int16))
            await all_of(engine.transcribe(sound, ListeningOptions()))  # type: ignore[attr-defined]
        else:
            await all_of(engine.speak("Hello.", VoiceOptions()))  # type: ignore[attr-defined]
    finally:
        await engine.aclose()  # type: ignore[attr-defined]


@needs("stt/moonshine")
def test_the_files_of_moonshine_are_those_of_its_catalogue() -> None:
    from moonshine_voice.moonshine_api import (  # noqa: PLC0415 - optional
        ModelArch,
        moonshine_get_stt_dependencies_string,
    )

    wanted = {"model_arch": int(ModelArch.SMALL_STREAMING)}
    (group,) = json.loads(moonshine_get_stt_dependencies_string("en", wanted))["groups"]
    model = registry.local_engines()["stt/moonshine"].model
    assert model is not None
    assert model.url == group["base_url"]
    assert set(model.files) == {file["name"] for file in group["files"]}
    assert round(sum(file["size"] for file in group["files"]) / 1e6) == model.megabytes


@needs("tts/piper")
def test_the_files_of_piper_are_where_its_own_downloader_looks() -> None:
    from piper.download_voices import URL_FORMAT  # noqa: PLC0415 - optional

    told = {"lang_family": "en", "lang_code": "en_US", "voice_name": "ljspeech"}
    url = URL_FORMAT.format(**told, voice_quality="medium", extension=".onnx")
    model = registry.local_engines()["tts/piper"].model
    assert model is not None
    assert url.partition("?")[0] == f"{model.url}/{model.files[0]}"


# --- which one is taken -------------------------------------------------------------------------


@pytest.fixture
def installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with all packages and no models."""
    monkeypatch.setattr("turnwise.providers.spec.find_spec", lambda _: "found")
    return home / "data" / "models"


@pytest.mark.parametrize(("kind", "last"), [("stt", "pocketsphinx"), ("tts", "espeak")])
def test_the_best_engine_that_has_its_model_is_taken(
    installed: Path, kind: Kind, last: str
) -> None:
    assert choose(Settings())[kind].name == last
    for name in reversed(PREFERENCE[kind][:-1]):
        spec = registry.local_engines()[f"{kind}/{name}"]
        assert spec.model is not None
        folder = installed / f"{kind}-{name}"
        folder.mkdir(parents=True)
        for file in spec.model.files:
            (folder / file).touch()
        assert choose(Settings())[kind].name == name


def test_one_that_is_chosen_may_have_its_model_elsewhere(installed: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    settings = Settings(stt="moonshine", stt_options={"path": str(elsewhere)})
    with pytest.raises(ConfigError, match=r"elsewhere.*turnwise download stt/moonshine"):
        choose(settings)
    with pytest.raises(ConfigError, match=r"stt-moonshine.*turnwise download stt/moonshine"):
        choose(Settings(stt="moonshine"))
    elsewhere.mkdir()
    for file in ("tokenizer.bin", "encoder_model.ort", "decoder_model_merged.ort"):
        (elsewhere / file).touch()
    assert choose(settings)["stt"].name == "moonshine"


# --- fetching -----------------------------------------------------------------------------------


def model_at(server: ScriptedServer, *files: str) -> ModelFiles:
    return ModelFiles(name="x", url=server.url, files=files, megabytes=1, needed=files)


async def test_a_model_is_fetched_and_what_is_there_stays(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.answer = lambda asked: whole(asked.path.encode(), kind="x/y")
    folder, told = tmp_path / "a" / "b", list[str]()
    folder.mkdir(parents=True)
    (folder / "one").write_text("mine")
    model = model_at(server, "one", "two", "three")
    await asyncio.to_thread(fetch, "stt/x", model, folder, told.append)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "one": "mine",
        "two": "/v1/two",
        "three": "/v1/three",
    }
    assert len(told) == 2


async def test_a_file_that_ends_too_soon_is_not_kept(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.scripts = [[head(200, "x/y", Content_Length="9"), b"short"]]
    with pytest.raises(ProviderBroken, match="5 of 9 bytes"):
        await asyncio.to_thread(fetch, "stt/x", model_at(server, "one"), tmp_path, print)
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - a test alone


async def test_a_place_that_cannot_be_reached_is_named(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.scripts = [whole(b"", 404)]
    with pytest.raises(ProviderUnavailable, match=rf"stt/x: cannot fetch {server.url}/one: X"):
        await asyncio.to_thread(fetch, "stt/x", model_at(server, "one"), tmp_path, print)
    nowhere = ModelFiles(name="x", url="http://127.0.0.1:9", files=("one",), megabytes=1, needed=())
    with pytest.raises(ProviderUnavailable, match="refused"):
        await asyncio.to_thread(fetch, "stt/x", nowhere, tmp_path, print)


def test_models_lie_among_the_data_of_programs() -> None:
    assert model_folder("stt/x").parts[-2:] == ("models", "stt-x")
    spec = ProviderSpec(kind="stt", name="x", sentence="x", quality="good", licence="x")
    assert spec.missing_model() is None


# --- hearing ------------------------------------------------------------------------------------


def test_a_family_that_sherpa_does_not_know_is_the_operators_mistake() -> None:
    assert registry.read_options("stt", "sherpa", {"ctc": "nemo"}) == {"ctc": "nemo"}
    with pytest.raises(ConfigError, match="ctc"):
        registry.read_options("stt", "sherpa", {"ctc": "nonsense"})


@pytest.mark.parametrize(
    "full_name",
    [pytest.param(each, marks=needs(each)) for each in ("stt/moonshine", "stt/sherpa")],
)
@pytest.mark.skipif(not can_speak(), reason="nothing here can speak")
async def test_words_come_while_one_speaks(full_name: str) -> None:
    folder = tiny_models.folder_of(full_name)
    transcriber = make(full_name, path=folder, workers=2)
    options = ListeningOptions(language="en-GB", keywords=("Turnwise", "a, b"))
    sound = await asyncio.to_thread(spoken, "hello there, how are you today")
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(all_of(transcriber.transcribe(utterance(sound), options)))  # type: ignore[attr-defined]
            for _ in range(2)
        ]
    for task in tasks:
        assert task.result() == [Words("hello", final=False), Words("hello", final=True)]
    with pytest.raises(ProviderRefused, match="'de'"):
        await all_of(
            transcriber.transcribe(utterance(sound), ListeningOptions(language="de"))  # type: ignore[attr-defined]
        )
    await transcriber.aclose()  # type: ignore[attr-defined]


@needs("stt/whisper")
async def test_whisper_takes_keywords() -> None:
    transcriber = registry.create("stt", "whisper", path=tiny_models.folder_of("stt/whisper"))
    sound = utterance(np.zeros(16_000, np.int16))
    options = ListeningOptions(keywords=("hello",))
    told = await all_of(transcriber.transcribe(sound, options))
    assert told[-1].final
    await transcriber.aclose()


# --- speaking -----------------------------------------------------------------------------------

SAID = [
    ("", []),
    ("  ", ["  "]),
    ("One. Two!  Three", ["One. ", "Two!  ", "Three"]),
    ("It costs $4.50 today.", ["It costs $4.50 today."]),
    ("“Really?” Yes.\nNo", ["“Really?” ", "Yes.\n", "No"]),
    ("x" * 700, ["x" * 300, "x" * 300, "x" * 100]),
    ("word " * 100, ["word " * 60, "word " * 40]),
]


@pytest.mark.parametrize(("text", "told"), SAID)
def test_a_text_is_cut_into_sentences(text: str, told: list[str]) -> None:
    assert sentences(text) == told
    assert "".join(sentences(text)) == text


def test_a_name_that_means_nothing_always_means_the_same() -> None:
    voices = ["a", "b", "c", "d"]
    chosen = [steady_choice(f"voice {number}", voices) for number in range(50)]
    assert set(chosen) == set(voices)
    assert chosen == [steady_choice(f"voice {number}", voices) for number in range(50)]


async def pieces_of(full_name: str, text: str, **options: object) -> list[SoundPiece]:
    voice = make(full_name, path=tiny_models.folder_of(full_name))
    told = await all_of(voice.speak(text, VoiceOptions(**options)))  # type: ignore[attr-defined, arg-type]
    await voice.aclose()  # type: ignore[attr-defined]
    return told


@pytest.mark.parametrize(
    "full_name", [pytest.param(each, marks=needs(each)) for each in ("tts/kokoro", "tts/piper")]
)
async def test_words_have_the_times_that_the_voice_tells(
    full_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        told = await pieces_of(full_name, "Stop talking now please. It costs $42.50.")
    assert not caplog.text
    assert all(piece.alignment.text.endswith(" ") for piece in told[:-1])
    assert not told[0].alignment.estimated
    assert told[-1].alignment.estimated, "more words are spoken than are written"
    assert all(isinstance(at, int) for piece in told for at in piece.alignment.starts_ms)
    assert all(np.abs(piece.samples).max() > 5000 for piece in told)


@needs("tts/kokoro")
@pytest.mark.parametrize("language", ["en", "en-GB", "fr_CA", "pt"])
@pytest.mark.parametrize("voice", ["", "am_adam", "21m00Tcm4TlvDq8ikWAM"])
async def test_kokoro_speaks_languages_and_voices(language: str, voice: str) -> None:
    assert await pieces_of("tts/kokoro", "Hello there.", language=language, voice=voice)


@needs("tts/piper")
async def test_piper_speaks_with_the_model_that_is_there() -> None:
    with pytest.raises(ProviderRefused, match="cannot be used"):
        make("tts/piper", path=tiny_models.folder_of("tts/piper"), voice="nobody")
    with pytest.raises(ProviderRefused, match="'de'"):
        await pieces_of("tts/piper", "Hallo.", language="de")
