"""What is the same of all models' answers: where one begins, and what it costs, about."""

from collections.abc import Iterable

from turnwise.providers.ports import ModelEvent, ModelRequest, TextDelta, ToolCall, Usage

CHARS_PER_TOKEN = 4
"""Of English; for guesses where nobody counted."""


def is_word(event: ModelEvent) -> bool:
    """Return whether something comes of this event: words that can be heard, or a tool's call."""
    match event:
        case TextDelta(text=text):
            return bool(text.strip())
        case ToolCall():
            return True
        case _:
            return False


def guessed_usage(request: ModelRequest, written: Iterable[ModelEvent] = ()) -> Usage:
    """Return about what a request cost whose answer was broken off before the server told.

    Args:
        request: What was asked.
        written: What came of the answer.
    """
    asked = sum(len(each.text) for each in request.messages)
    asked += sum(len(call.arguments) for each in request.messages for call in each.tool_calls)
    asked += sum(len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
    got = sum(len(each.text) for each in written if isinstance(each, TextDelta))
    return Usage(_tokens(asked), _tokens(got), estimated=True)


def _tokens(chars: int) -> int:
    return -(-chars // CHARS_PER_TOKEN)
