import pytest

from turnwise.agents.overrides import OverrideForbidden
from turnwise.agents.variables import MissingVariables
from turnwise.base.errors import ConfigError, Error, FormatError, ShapeError
from turnwise.wire.closing import (
    CLOSE_CODES,
    NOT_AUTHORIZED,
    TOO_MANY,
    UNKNOWN_AGENT,
    close_code,
    crash,
    ending,
    host_refused,
    refusal,
)
from turnwise.wire.errors import WireError


@pytest.mark.parametrize(
    ("reason", "code", "error_type"),
    [
        ("max_duration_exceeded", 1000, "max_duration_exceeded"),
        ("llm_timeout", 1002, "llm_timeout"),
        ("llm_error", 1002, "llm_error"),
        ("empty_reply", 1002, "llm_error"),
        ("tool_loop", 1002, "llm_error"),
        ("tts_error", 1002, "tts_cascade_error"),
        ("tts_timeout", 1002, "tts_cascade_error"),
        ("asr_transcription_error", 1002, "asr_transcription_error"),
        ("safety_violation", 1002, "safety_violation"),
        ("http_exception", 1002, "http_exception"),
    ],
)
def test_an_end_by_a_failure_is_told(reason: str, code: int, error_type: str) -> None:
    end = ending(reason)
    assert end.code == code
    assert end.error is not None
    assert (end.error.code, end.error.error_type) == (code, error_type)
    assert end.error.message == end.termination_reason != ""


@pytest.mark.parametrize(
    ("reason", "recorded"),
    [
        ("silence_end_call_timeout", "The user was silent for too long"),
        ("silence", "Nobody was heard for too long"),
        ("client disconnected", "Client disconnected"),
        ("Client disconnected: 1000", "Client disconnected: 1000"),
        ("end_call tool was called.", "end_call tool was called."),
    ],
)
def test_a_good_end_is_only_recorded(reason: str, recorded: str) -> None:
    end = ending(reason)
    assert (end.code, end.reason, end.error, end.termination_reason) == (1000, "", None, recorded)


@pytest.mark.parametrize(
    ("error", "code", "error_type"),
    [
        (WireError("no"), 1008, "invalid_message"),
        (OverrideForbidden(("tts", "voice_id")), 1008, "override_error"),
        (MissingVariables("prompt", ["a"]), 1008, "missing_dynamic_variable"),
        (ShapeError("a", "b"), 1008, "value_error"),
        (FormatError("mp3"), 1008, "value_error"),
        (ConfigError("the operator's secret"), 1011, "unknown_websocket_crash"),
    ],
)
def test_an_error_of_ours_has_a_code_and_a_message(
    error: Error, code: int, error_type: str
) -> None:
    end = refusal(error)
    assert end.error is not None
    assert (end.code, end.error.code, end.error.error_type) == (code, code, error_type)
    assert len(end.reason.encode()) <= 123
    if code == 1008:
        assert end.termination_reason == str(error)
    else:
        assert end == crash()
        assert "secret" not in end.reason


def test_a_variable_missing_at_a_transfer_has_its_own_type() -> None:
    error = refusal(MissingVariables("prompt", ["a"]), transfer=True).error
    assert error is not None
    assert error.error_type == "missing_dynamic_variable_transfer"


def test_refusals_before_the_conversation_are_closed_without_a_message() -> None:
    refusals = (UNKNOWN_AGENT, NOT_AUTHORIZED, TOO_MANY, host_refused("x" * 200))
    assert [each.code for each in refusals] == [3000, 3000, 4300, 3000]
    assert all(each.error is None and len(each.reason.encode()) <= 123 for each in refusals)


def test_codes_are_those_of_the_protocol() -> None:
    assert set(CLOSE_CODES.values()) == {1000, 1002, 1008, 1011}
    assert close_code("brand_new_error") == 1011
