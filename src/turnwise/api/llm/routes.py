"""`/v1/convai/llm/list`."""

import re
from typing import Any, Final

from turnwise.api.serving import Answer, Call, Slice
from turnwise.contract import load

llm = Slice()

Object = dict[str, Any]

OFFLINE: Final = "turnwise-offline"
"""The responder that is built in."""

MOST_TOKENS: Final = 1_048_576
"""This server limits nothing; clients want a number, and a model may take fewer."""

# a name with the day or the number of its release: `gpt-4o-2024-08-06`, `gemini-2.0-flash-001`
_CHECKPOINT = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{2}-\d{2,4}$|@\d{8}$|-\d{3,4}$")

_NEVER: Final[Object] = {
    "warning_start_days": 0,
    "fallback_start_days": 0,
    "fallback_complete_days": 0,
    "fallback_start_percentage": 0,
    "fallback_complete_percentage": 0,
}
"""No model is taken out of service here, and none takes the place of another by itself."""


@llm.serve("GET /v1/convai/llm/list")
async def list_llms(_call: Call) -> Answer:
    """Return the models that an agent may name, with what this server can do with any of them."""
    names = dict.fromkeys([OFFLINE, *load().shapes["LLM"]["enum"]])
    return {"llms": [_about(name) for name in names], "default_deprecation_config": _NEVER}


def _about(name: str) -> Object:
    return {
        "llm": name,
        "is_checkpoint": _CHECKPOINT.search(name) is not None,
        "max_tokens_limit": MOST_TOKENS,
        "max_context_limit": MOST_TOKENS,
        "supports_image_input": False,
        "supports_document_input": False,
        "supports_parallel_tool_calls": True,
        "available_reasoning_efforts": None,
        "available_service_tiers": ["standard"],
        "deprecation_info": None,
        "regional_processing_surcharge": None,
    }
