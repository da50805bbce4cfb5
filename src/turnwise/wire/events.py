"""From a client's message to what the engine is told of it."""

from turnwise.turns.events import ContextGiven, Event, UserActive, UserWrote
from turnwise.wire.client_messages import (
    ClientMessage,
    ContextualUpdate,
    MultimodalMessage,
    UserActivity,
    UserMessage,
)


def event_of(message: ClientMessage) -> Event | None:
    """Return what the engine is told; None: nothing, the message is for one of the shells.

    Sound goes to the hearing shell, results of client tools to the toolbox, pongs to the gateway.
    """
    match message:
        case UserMessage(text=text) | MultimodalMessage(words=text):
            return UserWrote(text) if text and text.strip() else None
        case UserActivity():
            return UserActive()
        case ContextualUpdate(text=text, context_id=context_id):
            return ContextGiven(text, context_id)
        case _:
            return None
