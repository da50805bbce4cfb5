import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.wire.errors import REASON_BYTES, WireError, close_reason, shown


@given(st.text())
def test_a_reason_fits_into_a_close_frame(text: str) -> None:
    reason = close_reason(text)
    assert len(reason.encode()) <= REASON_BYTES
    clean = text.encode("utf-8", errors="replace").decode()
    assert reason == clean or clean.startswith(reason.removesuffix("…"))


def test_a_long_reason_is_cut_between_characters() -> None:
    assert close_reason("é" * 100) == "é" * 60 + "…"
    assert WireError("x" * 200).reason == "x" * 120 + "…"


@given(st.text(min_size=1))
def test_words_are_never_shown_in_full(words: str) -> None:
    assert repr(words) not in shown(words)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1234567890123456, "123456789012…"),
        ([1, 2], "a list of 2"),
        ({"a": 1}, "an object with 1 members"),
        ("a longer text than that", "'a longer te…' (23 characters)"),
    ],
)
def test_values_are_shown_in_short(value: object, text: str) -> None:
    assert shown(value) == text
