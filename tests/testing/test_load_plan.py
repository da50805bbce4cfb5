import sys

import pytest

from turnwise.base.errors import ConfigError
from turnwise.testing.load import Crew, Plan


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"calls": 0}, "number of calls is 0"),
        ({"ramp_s": -1.0}, "ramp"),
        ({"hold_s": 0.5}, "hold"),
        ({"hold_s": float("nan")}, "hold"),
        ({"chunk_ms": 5}, "milliseconds"),
        ({"barge_in_every": -1}, "barge-in"),
        ({"pause_s": -0.1}, "pause"),
        ({"call_s": 0.5}, "length of a call"),
    ],
)
def test_what_cannot_be_done_is_refused(value: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Plan(address="ws://127.0.0.1", **value)  # type: ignore[arg-type]


def test_the_key_is_not_shown() -> None:
    assert "sk_secret" not in repr(Plan(address="", api_key="sk_secret"))


def test_there_must_be_a_process() -> None:
    with pytest.raises(ConfigError, match="processes is 0"):
        Crew(0)


def test_without_picows_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picows", None)
    with pytest.raises(ConfigError, match=r"turnwise\[bench\]"):
        Crew(1)
