"""The table of language models: read from the settings, tried by `doctor`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from providers.provider_rig import DONE, SSE, Asked, Script, ScriptedServer, all_of, delta, head
from turnwise import minds
from turnwise.base.errors import ConfigError
from turnwise.cli.doctor_checks import Findings, examine
from turnwise.providers.ports import Answering, ModelEvent, ModelMessage, ModelRequest
from turnwise.runtime.hedging import Hedged
from turnwise.runtime.llm_routes import Routes
from turnwise.settings import Settings, load

SCRIPTED = {f"TURNWISE_{kind}": "scripted" for kind in ("STT", "LLM", "TTS")}
SCRIPTED |= {"TURNWISE_VAD": "energy"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """In a thread of its own: `doctor` brings its own event loop."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(ScriptedServer()) as running,
    ):
        running.answer = _name_of_the_model
        yield running


def _name_of_the_model(asked: Asked) -> Script:
    return [head(200, SSE), delta(f"I am {asked.json['model']}."), delta(finish="stop"), DONE]


def settings(*rows: Mapping[str, object], **environ: str) -> Settings:
    told = {f"TURNWISE_{name}": value for name, value in environ.items()}
    return load({}, SCRIPTED | told | {"TURNWISE_LLM_ROUTES": json.dumps(rows)}, None)


def table(chosen: Settings) -> Routes:
    return minds.routes(minds.choose(chosen)["llm"], chosen)


def test_the_table_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "turnwise.toml"
    path.write_text(
        '[[llm_routes]]\nmatch = "gpt-*"\nprovider = "openai"\nbase_url = "http://a/v1"\n'
        '[[llm_routes]]\nmatch = "*"\nprovider = "openai"\nbase_url = "http://b/v1"\nmodel = "q"\n',
        encoding="utf-8",
    )
    found = table(load({}, SCRIPTED, path))
    first, second, engine = found.rows
    assert (first.match, first.model, second.model) == ("gpt-*", None, "q")
    assert first.options == {"attempts": 1, "base_url": "http://a/v1"}
    assert (engine.provider, engine.match) == ("scripted", "*")


def test_without_a_table_the_engine_in_use_answers_for_all() -> None:
    chosen = settings(LLM="openai", LLM_MODEL="qwen", LLM_BASE_URL="http://a/v1")
    assert table(chosen).pick("gpt-4o").name == "qwen"
    assert len(table(chosen).rows) == 1


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"match": "*"}, "llm_routes, row 2: provider is missing"),
        (
            {"match": "*", "provider": "acme"},
            "row 2: provider is 'acme'; it should be one of anthropic, custom, google",
        ),
        (
            {"match": "*", "provider": "openai", "colour": 1},
            "row 2: options of 'llm/openai': .*'colour'; it has: base_url",
        ),
        (
            {"match": "*", "provider": "openai", "base_url": "http://h", "timeout_s": "slow"},
            "row 2: the option 'timeout_s' of 'llm/openai'",
        ),
        (
            {"match": "*", "provider": "google"},
            "row 2: 'google' needs a key: set TURNWISE_GOOGLE_API_KEY, or api_key_env",
        ),
    ],
)
def test_a_bad_row_is_the_operators_mistake(row: dict[str, object], sentence: str) -> None:
    good = {"match": "x", "provider": "openai", "base_url": "http://a/v1"}
    with pytest.raises(ConfigError, match=sentence) as caught:
        table(settings(good, row))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", ['"x"', "{}", "[1]", "["])
def test_a_table_that_is_none_is_refused(raw: str) -> None:
    with pytest.raises(ConfigError, match=r"LLM_ROUTES is \(not shown\); it should be tables"):
        load({}, {"TURNWISE_LLM_ROUTES": raw}, None)


def test_a_vendors_key_goes_to_that_vendor_only() -> None:
    vendor = {"match": "gpt-*", "provider": "openai"}
    other = {"match": "*", "provider": "openai", "base_url": "http://elsewhere/v1"}
    first, second, _ = table(settings(vendor, other, OPENAI_API_KEY="S3CRET")).rows
    assert first.options["api_key"] == "S3CRET"
    assert "api_key" not in second.options


def test_keys_are_shown_nowhere() -> None:
    row = {"match": "*", "provider": "openai", "api_key": "S3CRET"}
    chosen = settings(row)
    assert "S3CRET" not in repr(chosen)
    assert "S3CRET" not in repr(table(chosen).rows)


@pytest.mark.anyio
async def test_each_name_reaches_its_backend(server: ScriptedServer) -> None:
    rows = (
        {"match": "gpt-*", "provider": "openai", "base_url": server.url},
        {"match": "claude-*", "provider": "openai", "base_url": server.url, "model": "qwen"},
    )
    chosen = settings(*rows)
    model = minds.make(minds.choose(chosen), chosen).model

    async def asked(llm: str) -> list[ModelEvent]:
        messages = [ModelMessage(role="user", text="Who are you?")]
        return await all_of(model.stream(ModelRequest(messages=messages, model=llm)))

    assert (await asked("gpt-4o"))[0] == Answering("gpt-4o")
    assert (await asked("claude-sonnet-4"))[0] == Answering("qwen")
    assert (await asked("gemini-2.5-flash"))[0] == Answering("turnwise-scripted")
    await model.aclose()
    assert [each.json["model"] for each in server.asked] == ["gpt-4o", "qwen"]


def test_hedging_is_off_unless_it_is_chosen() -> None:
    for chosen, hedged in ((settings(), False), (settings(LLM_HEDGING="true"), True)):
        model = minds.make(minds.choose(chosen), chosen).model
        kinds = {type(each) for each in model._models.values()}  # type: ignore[attr-defined]
        assert (kinds == {Hedged}) is hedged


def test_doctor_shows_the_table_and_tries_each_row(server: ScriptedServer, tmp_path: Path) -> None:
    rows = [
        {"match": "gpt-*", "provider": "openai", "base_url": server.url, "api_key": "S3CRET"},
        {"match": "x*", "provider": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "q"},
    ]
    found = _examined(tmp_path, rows)
    assert [row["models"] for row in found.routes] == ["gpt-*", "x*", "*"]
    assert [row["as"] for row in found.routes[:2]] == ["as the agent says", "q"]
    assert found.routes[2]["answered by"] == "llm/scripted"
    states = {str(row["check"]): row["state"] for row in found.checks}
    assert states["route of gpt-*, llm/openai"] == "ok"
    assert states["route of x*, llm/openai"] == "failed"
    assert states["language model, llm/scripted"] == "ok"
    assert "S3CRET" not in repr(found)


def test_doctor_says_nothing_of_a_table_that_is_not_there(tmp_path: Path) -> None:
    assert _examined(tmp_path, []).routes == []


def _examined(folder: Path, rows: Sequence[Mapping[str, object]]) -> Findings:
    environ = SCRIPTED | {"TURNWISE_DATA": str(folder), "TURNWISE_LLM_ROUTES": json.dumps(rows)}
    return examine({}, environ, folder / "none.toml")
