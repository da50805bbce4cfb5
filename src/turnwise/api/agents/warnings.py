"""What an agent asks for and does not get, said beside the answer that stores it."""

from collections.abc import Mapping
from typing import Any

from turnwise.agents.stored_only import without_effect
from turnwise.api.serving import Answer, WithHeaders

HEADER = "x-turnwise-warnings"
"""Lists settings by their places, with a comma between; absent: all are acted on."""


def warned(answer: Answer, document: Mapping[str, Any]) -> Answer:
    """Return an answer that names the settings of a stored agent which do nothing here."""
    idle = without_effect(document)
    return WithHeaders(answer, {HEADER: ", ".join(idle)}) if idle else answer
