import pytest

from turnwise.base.errors import ConfigError
from turnwise.runtime.llm_routes import Route, Routes, read_routes

ENGINE = Route(match="*", provider="openai", model="qwen")
OFFLINE = Route(match="*", provider="offline", model="")
ROWS = [
    Route(match="gpt-*", provider="openai"),
    Route(match="claude-*", provider="anthropic", model="claude-haiku-4-5"),
    Route(match="gemini-2.?-flash", provider="google", model="gemini-2.5-flash"),
]
TABLE = Routes(ROWS, ENGINE)


@pytest.mark.parametrize(
    ("llm", "provider", "asked_for"),
    [
        ("gpt-4o", "openai", "gpt-4o"),
        ("GPT-4o", "openai", "GPT-4o"),
        ("claude-3-7-sonnet@20250219", "anthropic", "claude-haiku-4-5"),
        ("gemini-2.0-flash", "google", "gemini-2.5-flash"),
        ("gemini-2.0-flash-lite", "openai", "qwen"),
        ("made-up", "openai", "qwen"),
        ("", "openai", "qwen"),
    ],
)
def test_the_first_row_that_fits_answers(llm: str, provider: str, asked_for: str) -> None:
    found = TABLE.pick(llm)
    assert (found.route.provider, found.asked_for) == (provider, asked_for)


@pytest.mark.parametrize(
    ("backups", "names"),
    [
        (None, ["gpt-4o", "claude-haiku-4-5", "gemini-2.5-flash", "qwen"]),
        ((), ["gpt-4o"]),
        (("made-up", "claude-x"), ["gpt-4o", "qwen", "claude-haiku-4-5"]),
        (("custom-llm",), ["gpt-4o"]),
    ],
    ids=["the server's own", "none", "chosen", "never the agent's own model"],
)
def test_who_is_asked_next(backups: tuple[str, ...] | None, names: list[str]) -> None:
    assert [target.name for target in TABLE.cascade("gpt-4o", backups)] == names


def test_without_a_table_all_names_go_to_the_engine_in_use() -> None:
    routes = Routes([], OFFLINE)
    assert routes.pick("gpt-4o").name == "turnwise-offline"
    assert [each.route for each in routes.cascade("gpt-4o", None)] == [OFFLINE]


def test_nobody_is_passed_on_to_the_offline_engine() -> None:
    routes = Routes(ROWS, OFFLINE)
    assert OFFLINE not in [each.route for each in routes.cascade("gpt-4o", None)]
    assert routes.cascade("gpt-4o", ["x"])[-1].route is OFFLINE  # but for those who want it


def test_a_table_is_read() -> None:
    rows: list[dict[str, object]] = [
        {"match": "gpt-*", "provider": "openai", "api_key_env": "KEY"},
        {"match": "*", "provider": "openai", "model": "q", "base_url": "http://x/v1", "tries": 3},
    ]
    first, second = read_routes(rows, {"KEY": "S3CRET"})
    assert (first.match, first.provider, first.model) == ("gpt-*", "openai", None)
    assert first.options == {"api_key": "S3CRET"}
    assert (second.model, second.options) == ("q", {"base_url": "http://x/v1", "tries": 3})
    assert "S3CRET" not in repr(first)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"provider": "openai"}, r"row 1: match is missing; it should be names of models"),
        ({"match": "*"}, r"row 1: provider is missing; it should be openai, anthropic"),
        ({"match": 3, "provider": "openai"}, r"row 1: match is 3; it should be a text"),
        (
            {"match": "*", "provider": "openai", "api_key_env": "NO"},
            r"row 1: api_key_env names NO, and no such variable is set",
        ),
        (
            {"match": "*", "provider": "openai", "api_key_env": "KEY", "api_key": "S3CRET"},
            r"row 1: api_key and api_key_env are both there; leave one out",
        ),
        ({"match": "Custom-LLM", "provider": "openai"}, r"row 1: match is 'custom-llm'"),
    ],
)
def test_a_bad_row_is_one_sentence(row: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_routes([row], {"KEY": "S3CRET"})
    assert "S3CRET" not in str(caught.value)
