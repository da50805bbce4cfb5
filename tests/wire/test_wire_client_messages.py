import json
from typing import Any

import pytest

from turnwise.wire.client_messages import (
    ClientToolResult,
    ConversationInitiationClientData,
    EnclaveSetupConfig,
    MultimodalMessage,
    Pong,
)
from turnwise.wire.codec import decode
from turnwise.wire.errors import WireError

INIT = "conversation_initiation_client_data"


def read(kind: str, **members: object) -> Any:  # noqa: ANN401
    return decode(json.dumps({"type": kind, **members}))


def init(**members: object) -> ConversationInitiationClientData:
    message = read(INIT, **members)
    assert isinstance(message, ConversationInitiationClientData)
    return message


def test_members_may_be_missing_null_or_empty() -> None:
    names = [name for name in ConversationInitiationClientData.model_fields if name != "type"]
    assert init().override == {}
    assert init(**dict.fromkeys(names)).override == {}
    python = init(custom_llm_extra_body={}, conversation_config_override={}, dynamic_variables={})
    assert (python.override, python.text_only) == ({}, False)


def test_the_python_sdks_text_only_is_put_right() -> None:
    message = init(conversation_config_override={"text_only": True})
    assert message.override == {"conversation": {"text_only": True}}
    assert message.text_only
    assert init(conversation_config_override={"conversation": {"text_only": True}}).text_only


def test_patters_formats_are_put_right() -> None:
    override = {"tts": {"output_format": "ulaw_8000"}, "asr": {"input_format": "ulaw_8000"}}
    assert init(conversation_config_override=override).override == {
        "tts": {"agent_output_audio_format": "ulaw_8000"},
        "asr": {"user_input_audio_format": "ulaw_8000"},
    }


def test_a_user_id_may_be_a_number() -> None:
    assert init(user_id=7).user_id == "7"


def test_a_pong_may_answer_nothing() -> None:
    assert read("pong", event_id=None) == Pong(event_id=None)


def test_a_result_without_is_error_is_none() -> None:
    message = read("client_tool_result", tool_call_id="c", result="", is_error=None)
    assert isinstance(message, ClientToolResult)
    assert message.is_error is False


def test_files_are_named_once_and_in_order() -> None:
    one, two = {"file_id": "a"}, {"type": "file_input", "file_id": "b"}
    message = read("multimodal_message", file=one, files=[one, two])
    assert isinstance(message, MultimodalMessage)
    assert message.file_ids == ("a", "b")
    assert message.words is None
    assert read("multimodal_message", text={"text": "hi"}).words == "hi"
    assert read("multimodal_message").file_ids == ()


@pytest.mark.parametrize("name", ["transcription", "audio"])
def test_a_webhook_is_set_in_one_way(name: str) -> None:
    hook = {"url": "https://example.com", "hmac_secret": "0123456789abcdef"}
    both = {f"post_call_{name}_webhook": hook, f"post_call_{name}_webhook_url": "https://x"}
    with pytest.raises(WireError, match=f"post_call_{name}_webhook and its older _url"):
        read("enclave_setup_config", **both)
    assert isinstance(read("enclave_setup_config", **{f"post_call_{name}_webhook": hook}),
                      EnclaveSetupConfig)  # fmt: skip


def test_a_short_secret_is_refused_and_not_shown() -> None:
    hook = {"url": "https://example.com", "hmac_secret": "too-short"}
    with pytest.raises(WireError) as caught:
        read("enclave_setup_config", post_call_audio_webhook=hook)
    assert "hmac_secret has 9 characters; at least 16" in str(caught.value)
    assert "too-short" not in str(caught.value)


def test_a_setup_may_be_all_null_and_a_webhook_unsigned() -> None:
    names = [name for name in EnclaveSetupConfig.model_fields if name != "type"]
    assert read("enclave_setup_config", **dict.fromkeys(names)).agent_config_dict is None
    read("enclave_setup_config", post_call_audio_webhook={"url": "https://example.com"})
