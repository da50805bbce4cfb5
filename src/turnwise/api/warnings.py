"""What a client asks for and does not get, said beside the answer that stores it."""

from collections.abc import Sequence

from turnwise.api.serving import Answer, WithHeaders

HEADER = "x-turnwise-warnings"
"""Lists settings by their places, with a comma between; absent: all are acted on."""


def warned(answer: Answer, idle: Sequence[str]) -> Answer:
    """Return an answer that names stored settings which do nothing here.

    Args:
        answer: To a request that stores them.
        idle: Their places; none: there is nothing to be said.
    """
    return WithHeaders(answer, {HEADER: ", ".join(idle)}) if idle else answer
