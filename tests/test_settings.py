from dataclasses import fields
from pathlib import Path

import pytest

from turnwise.base.errors import ConfigError
from turnwise.settings import Settings, load


def toml(folder: Path, text: str) -> Path:
    path = folder / "turnwise.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_choices_the_defaults_hold(tmp_path: Path) -> None:
    found = load({}, {}, tmp_path / "none.toml")
    assert found == load({}, {}, None) == Settings()
    assert (found.host, found.port, found.lead_ms) == ("127.0.0.1", 8017, 400)
    assert found.store_url == f"sqlite:///{found.data / 'turnwise.db'}"


def test_a_flag_wins_over_a_variable_over_the_file(tmp_path: Path) -> None:
    path = toml(tmp_path, "port = 1\nhost = 'a'\nlead_ms = 500\n")
    environ = {"TURNWISE_PORT": "2", "TURNWISE_HOST": "b", "TURNWISE_STT": ""}
    found = load({"port": 3, "host": None}, environ, path)
    assert (found.port, found.host, found.lead_ms, found.stt) == (3, "b", 500, "")


@pytest.mark.parametrize(
    ("raw", "value"), [("1", True), ("TRUE", True), ("on", True), ("no", False), ("0", False)]
)
def test_a_variable_may_say_yes_in_several_words(raw: str, *, value: bool) -> None:
    assert load({}, {"TURNWISE_DEV": raw}, None).dev is value


def test_each_kind_of_value_can_be_in_the_file(tmp_path: Path) -> None:
    path = toml(tmp_path, f"dev = true\nworkers = 2\ndata = '{tmp_path}'\nlog_level = 'debug'\n")
    found = load({}, {}, path)
    assert (found.dev, found.workers, found.data) == (True, 2, tmp_path)
    assert found.store_url == f"sqlite:///{tmp_path / 'turnwise.db'}"


def test_options_are_a_table_of_the_file_or_a_json_object(tmp_path: Path) -> None:
    path = toml(tmp_path, "[stt_options]\nmodel = 'x'\nthreads = 2\n[tts_options]\nvoice = 'y'\n")
    environ = {"TURNWISE_TTS_OPTIONS": '{"voice": "z", "nested": {"a": [1]}}'}
    found = load({}, environ, path)
    assert found.stt_options == {"model": "x", "threads": 2}
    assert found.tts_options == {"voice": "z", "nested": {"a": [1]}}
    assert found.vad_options == found.llm_options == {}


@pytest.mark.parametrize("raw", ["x", "[]", "1", "null", '{"a": }'])
def test_options_that_are_no_object_are_refused(raw: str) -> None:
    with pytest.raises(ConfigError, match=r"TURNWISE_LLM_OPTIONS is .*, a JSON object"):
        load({}, {"TURNWISE_LLM_OPTIONS": raw}, None)


def test_a_database_can_be_chosen() -> None:
    chosen = load({"database_url": "postgresql://u:p@h/n"}, {}, None)
    assert chosen.store_url == "postgresql://u:p@h/n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "colour in .*turnwise.toml is no setting; there are host, port, "),
        ("port = '80'\n[x]", "x in .* is no setting"),
        ("port = 99999", "port in .* is 99999; it should be a whole number from 0 to 65535"),
        ("port = true", "port in .* is True; it should be a whole number"),
        ("port = 'x'", "port in .* is 'x'; it should be a whole number"),
        ("dev = 1", "dev in .* is 1; it should be true or false"),
        ("data = ''", "data in .* is ''; it should be the path of a folder"),
        ("host = 1", "host in .* is 1; it should be a text"),
        ("log_level = 'loud'", "'loud'; it should be one of debug, info, warning, error"),
        ("public_url = 'x.com'", "it should be a URL that begins with http:// or https://"),
        (
            "stt_options = 'x'",
            r"stt_options in .* is \(not shown\); it should be a table of options",
        ),
        ("[tts_options]\nx = 1\n[stt_options]\nx = ", "is not a TOML file"),
        ("port = ", "is not a TOML file"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load({}, {}, toml(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load({}, {}, tmp_path)
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not a TOML file"):
        load({}, {}, path)


def test_the_source_of_a_bad_value_is_named() -> None:
    with pytest.raises(ConfigError, match="the variable TURNWISE_WORKERS is '0'; it should be"):
        load({}, {"TURNWISE_WORKERS": "0"}, None)
    with pytest.raises(ConfigError, match="the option --lead-ms is 'x'; it should be"):
        load({"lead_ms": "x"}, {}, None)


def test_secrets_are_shown_nowhere() -> None:
    flags = {"api_key": "S3CRET", "llm_api_key": "S3CRET", "database_url": "sqlite:///S3CRET"}
    environ = {"TURNWISE_TTS_OPTIONS": '{"api_key": "S3CRET"}'}
    assert "S3CRET" not in repr(load(flags, environ, None))
    with pytest.raises(ConfigError) as caught:
        load({"database_url": "mysql://u:S3CRET@h"}, {}, None)
    assert "S3CRET" not in str(caught.value)


def test_each_setting_has_a_sentence() -> None:
    for row in fields(Settings):
        sentence = row.metadata["sentence"]
        assert sentence[0].isupper()
        assert sentence.endswith(".")
