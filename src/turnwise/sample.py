"""The agent that a new server starts with: it talks without any key or model."""

from typing import Any

_PROMPT = """You are the voice agent of a small pizzeria called Luigi's.
We are open every day from eleven in the morning to ten at night.
Our address is twelve Market Street, next to the town hall.
A margherita costs eight dollars. A pepperoni pizza costs ten dollars.
A salad costs six dollars, and a glass of wine costs five dollars.
We deliver within five miles, and delivery costs three dollars.
You can pay in cash or by card.
We have vegetarian and vegan pizza on the menu.
"""


def sample_agent() -> dict[str, Any]:
    """Return the document of the sample agent."""
    return {
        "name": "Luigi's pizzeria (sample)",
        "tags": ["sample"],
        "conversation_config": {
            "agent": {
                "first_message": "Hello, this is Luigi's pizzeria. What can I do for you?",
                "language": "en",
                "prompt": {
                    "prompt": _PROMPT,
                    "llm": "turnwise-offline",
                    "built_in_tools": {
                        "end_call": {
                            "name": "end_call",
                            "description": "",
                            "type": "system",
                            "params": {"system_tool_type": "end_call"},
                        }
                    },
                },
            }
        },
        # a stranger's first client may well be one that asks for a conversation in writing
        "platform_settings": {
            "overrides": {"conversation_config_override": {"conversation": {"text_only": True}}}
        },
    }
