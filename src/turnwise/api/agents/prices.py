"""`…/llm-usage/calculate`: what language models cost here."""

from typing import Any

from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.versioning import current
from turnwise.contract import load

prices = Slice()

Object = dict[str, Any]


@prices.serve("POST /v1/convai/agent/{agent_id}/llm-usage/calculate")
async def calculate_for_agent(call: Call) -> Answer:
    """Return what the models cost an agent: this server charges nothing for any of them."""
    await current(call.deps.store, call.path["agent_id"])
    return _free()


@prices.serve("POST /v1/convai/llm-usage/calculate")
async def calculate(_call: Call) -> Answer:
    """Return what the models cost: this server charges nothing for any of them."""
    return _free()


def _free() -> Object:
    models = load().shapes["LLM"]["enum"]
    return {
        "llm_prices": [
            {"llm": model, "price_per_minute": 0.0, "price_per_message": 0.0} for model in models
        ]
    }
