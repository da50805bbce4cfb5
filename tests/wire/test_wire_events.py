import pytest

from turnwise.turns.events import ContextGiven, Event, UserActive, UserWrote
from turnwise.wire.client_messages import (
    ClientMessage,
    ContextualUpdate,
    FileInput,
    MultimodalMessage,
    Pong,
    UserActivity,
    UserAudioChunk,
    UserMessage,
)
from turnwise.wire.events import event_of


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (UserMessage(text="hi"), UserWrote("hi")),
        (UserMessage(text=" "), None),
        (UserMessage(text=None), None),
        (MultimodalMessage(text=UserMessage(text="hi")), UserWrote("hi")),
        (MultimodalMessage(file=FileInput(file_id="f")), None),
        (UserActivity(), UserActive()),
        (ContextualUpdate(text="tea", context_id="drink"), ContextGiven("tea", "drink")),
        (Pong(event_id=1), None),
        (UserAudioChunk(b""), None),
    ],
)
def test_a_message_is_an_event_or_for_a_shell(message: ClientMessage, event: Event | None) -> None:
    assert event_of(message) == event
