"""Whether a hang-up of the model's fits what was said: models call `end_call` by mistake.

It is looked at once in each reply: a model that insists is obeyed, so that nobody is kept on the
line.
"""

from turnwise.turns.calling import answer
from turnwise.turns.events import EndAsked
from turnwise.turns.language import asks_something, words_of
from turnwise.turns.state import Conversation
from turnwise.turns.transcript import UserSaid

SPEAKING = "the user is speaking"
UNANSWERED = "the user asked something and got no answer"


def doubt(c: Conversation, asked: EndAsked) -> str:
    """Return what in the conversation speaks against an end; empty: nothing, or it is insisted."""
    call = None if asked.call is None else c.calls.get(asked.call)
    reply = None if call is None else c.live(call.reply)
    if reply is None or not asked.unsure or c.doubted == reply.id:
        return ""
    if c.user.speaking_since is not None or c.user.words:
        return SPEAKING
    said = [entry.text for entry in c.visible if isinstance(entry, UserSaid)]
    silent = not asked.farewell.strip() and not reply.words(len(reply.text)).strip()
    if silent and said and asks_something(said[-1], words_of(c.policy.language)):
        return UNANSWERED
    return ""


def refuse(c: Conversation) -> None:
    """Answer the model that the conversation goes on, and why."""
    asked = c.hang_up
    assert asked is not None
    assert asked.call is not None
    c.doubted = c.calls[asked.call].reply
    why = c.hang_up_doubt
    c.hang_up, c.hang_up_doubt = None, ""
    told = f"The call was not ended: {why}. If it should end all the same, call this tool again."
    answer(c, asked.call, told, failed=True)
