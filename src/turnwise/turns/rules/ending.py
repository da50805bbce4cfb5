"""Rules that end a conversation."""

from turnwise.base.units import Millis
from turnwise.turns.hanging_up import refuse
from turnwise.turns.replying import end, finish_with
from turnwise.turns.rules.rule import Facts, Rule
from turnwise.turns.state import Conversation

COURTESY_MS = 2_000
"""Time to answer that a user has after a long reply, however long ago the user spoke."""


def _too_long(c: Conversation) -> Millis | None:
    limit = c.policy.waiting.max_duration_ms
    return None if limit is None or c.closing is not None else Millis(limit)


def _close_long_call(c: Conversation) -> None:
    finish_with(c, "max_duration_exceeded", c.policy.waiting.max_duration_message)


def _farewell_drags_on(c: Conversation) -> Millis | None:
    if c.closing is None:
        return None
    return Millis(c.closing_since + c.policy.guards.farewell_ms)


def _cut_farewell(c: Conversation) -> None:
    assert c.closing is not None
    end(c, c.closing)


def _user_gone(c: Conversation) -> Millis | None:
    patience = c.policy.waiting.silence_end_call_ms
    if patience is None or c.reply is not None or c.user.speaking_since is not None:
        return None
    if c.owed is not None or c.user.words or not c.opened:
        return None
    after_reply = min(patience, COURTESY_MS)
    return max(
        Millis(c.user.last_spoke + patience),
        Millis(c.reply_over + after_reply),
        c.undisturbed_from,
    )


def _hang_up(c: Conversation) -> None:
    end(c, "silence_end_call_timeout")


def _silence_facts(c: Conversation) -> Facts:
    return (
        ("silent", f"{c.now - c.user.last_spoke} ms"),
        ("limit", f"{c.policy.waiting.silence_end_call_ms} ms"),
    )


TOO_LONG = Rule(
    "end a call that lasts too long",
    "At `max_duration_ms`: the closing message, if there is one, then the end.",
    _too_long,
    _close_long_call,
    lambda c: (("limit", f"{c.policy.waiting.max_duration_ms} ms"),),
)
FAREWELL_DRAGS_ON = Rule(
    "cut a farewell that drags on",
    "A last message that was not heard to its end within `farewell_ms` is cut off.",
    _farewell_drags_on,
    _cut_farewell,
)
HANG_UP_DOUBTFUL = Rule(
    "doubt a hang-up of the model",
    "`end_call` while the user speaks, or in place of an answer: refuse it, once in a reply.",
    lambda c: None if c.hang_up is None else c.now,
    refuse,
    lambda c: (("against it", c.hang_up_doubt),),
)
USER_GONE = Rule(
    "end a call whose user fell silent",
    "`silence_end_call_ms` after the user last said or wrote something, once the agent is silent.",
    _user_gone,
    _hang_up,
    _silence_facts,
    replying=False,
)
