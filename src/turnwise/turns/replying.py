"""The life of a reply: begun, spoken, announced, dropped, closed, failed."""

from turnwise.turns.commands import (
    Announce,
    CancelReply,
    CancelTool,
    Cause,
    Correct,
    End,
    FinishReply,
    Report,
    Speak,
    StartReply,
)
from turnwise.turns.events import ReplyId
from turnwise.turns.language import is_question, is_yes_no_question, sentences, words_of
from turnwise.turns.policy import ToolInterruption
from turnwise.turns.reply import Author, Reply
from turnwise.turns.state import Conversation
from turnwise.turns.transcript import ToolCalled, Transcript, UserSaid

VOICELESS = frozenset({"tts_error", "tts_timeout"})
"""Failures after which there is no voice to say farewell with."""


def _new_reply(c: Conversation, cause: Cause | None, author: Author) -> Reply:
    c.replies += 1
    c.waits_until = None
    c.reply = Reply(ReplyId(c.replies), cause, c.now, c.now, c.now, author)
    return c.reply


def begin(c: Conversation) -> None:
    """Have the model write the reply that is owed."""
    assert c.owed is not None
    reply = _new_reply(c, c.owed, Author.MODEL)
    reply.answers = c.owed_for
    c.owed = c.owed_for = None
    c.do(StartReply(reply.id, reply.cause or Cause.USER_TURN, known(c)))


def bet(c: Conversation) -> None:
    """Have the model write a reply to a turn that is not taken yet."""
    reply = _new_reply(c, Cause.USER_TURN, Author.MODEL)
    reply.bet = c.user.words
    c.bet_pause = c.user.pause
    reply.debt, c.owed, c.owed_for = (c.owed, c.owed_for), None, None
    guess = UserSaid(c.now, c.user.words)
    c.do(StartReply(reply.id, Cause.USER_TURN, (*known(c), guess), speculative=True))


def say(
    c: Conversation, text: str, *, interruptible: bool = True, ends_call: str | None = None
) -> None:
    """Say words that were fixed before. Nobody else may be speaking for the agent."""
    assert c.reply is None, "one reply at a time"
    reply = _new_reply(c, None, Author.SCRIPT)
    reply.interruptible, reply.ends_call = interruptible, ends_call
    reply.write(text, c.now)
    reply.written = True
    speak(c)
    announce(c)


def known(c: Conversation) -> Transcript:
    """Return what a model may know, the present reply as far as it is written included."""
    reply = c.reply
    if reply is None or not reply.parts:
        return c.visible
    return c.visible + tuple(reply.said(len(reply.text)))


def speak(c: Conversation) -> None:
    """Give the voice what was written and not yet spoken."""
    reply = c.reply
    assert reply is not None
    if reply.bet is not None or reply.spoken == len(reply.text):
        return
    words = reply.text[reply.spoken :]
    reply.spoken = len(reply.text)
    reply.moved = c.now
    c.do(Speak(reply.id, words))
    if c.policy.text_only:
        reply.voice(len(words), 0, (), c.now)


def announce(c: Conversation) -> None:
    """Tell the client the words written since it was last told."""
    reply = c.reply
    assert reply is not None
    if reply.bet is not None:
        return
    words = reply.words(len(reply.text), reply.announced).strip()
    reply.announced = len(reply.text)
    if words:
        c.do(Announce(reply.id, words))


def drop(c: Conversation) -> None:
    """Stop replying; what was heard stays said, tools that run go on running."""
    reply = c.reply
    assert reply is not None
    upto = reply.heard(c.now)
    if upto:
        announce(c)
    c.do(CancelReply(reply.id, speculative=reply.bet is not None))
    _forget_calls(c, reply)
    _leave(c, reply, upto)
    if reply.bet is not None and c.owed is None:
        c.owed, c.owed_for = reply.debt
    heard, written = reply.words(upto), reply.words(reply.announced)
    if heard != written:
        c.do(Correct(reply.id, written, heard))


def close(c: Conversation) -> None:
    """End a reply that was heard to the end."""
    reply = c.reply
    assert reply is not None
    if reply.cause is Cause.USER_TURN and not reply.parts and reply.ends_call is None:
        fail(c, "empty_reply", "the model wrote nothing and called nothing")
        return
    c.do(FinishReply(reply.id))
    _leave(c, reply, len(reply.text))
    if reply.ends_call is not None:
        end(c, reply.ends_call)


def _leave(c: Conversation, reply: Reply, upto: int) -> None:
    for entry in reply.said(upto):
        c.append(entry)
    c.reply = None
    c.reply_over = c.now
    if upto:
        c.last_heard = c.now
        if reply.author is Author.MODEL:
            c.alarms = 0
            c.failures = c.failures if reply.broken else 0


def _forget_calls(c: Conversation, reply: Reply) -> None:
    mine = [call for call in c.calls.values() if call.reply == reply.id]
    held = {call.id for call in mine if call.called_at is None}
    for call in mine:
        call.unwanted = True
        if call.id in held:
            del c.calls[call.id]
    reply.parts = [p for p in reply.parts if not (isinstance(p, ToolCalled) and p.call in held)]


def break_off(c: Conversation, kind: str, detail: str) -> None:
    """Give up on a reply; sound of it that is queued is still heard."""
    reply = c.reply
    assert reply is not None
    if reply.bet is not None or not (reply.playing(c.now) or reply.paused):
        fail(c, kind, detail)
        return
    c.do(Report(kind, detail))
    c.failures += reply.broken is None  # once for each reply, however often it fails
    reply.broken = kind
    reply.written, reply.goes_on = True, False


def fail(c: Conversation, kind: str, detail: str) -> None:
    """Give up on a reply at once: say so in the record, then go on without it."""
    reply = c.reply
    assert reply is not None
    c.do(Report(kind, detail))
    if reply.bet is not None:
        drop(c)
        return
    c.failures += reply.broken is None
    reply.broken = kind
    recover(c)


def recover(c: Conversation) -> None:
    """Drop a broken reply; apologise, or end when it happens too often."""
    reply = c.reply
    assert reply is not None
    assert reply.broken is not None
    kind = reply.broken
    drop(c)
    if reply.ends_call is not None:
        end(c, reply.ends_call)
    elif c.failures >= c.policy.guards.max_failures:
        finish_with(c, kind, "" if kind in VOICELESS else c.policy.guards.farewell)
    elif apology := c.policy.guards.apology:
        say(c, apology)


def finish_with(c: Conversation, reason: str, farewell: str) -> None:
    """End the conversation for good, with last words that nothing cuts off."""
    if c.reply is not None:
        drop(c)
    _keep_last_words(c)
    c.closing, c.closing_since, c.owed, c.hand_over = reason, c.now, None, None
    if farewell:
        say(c, farewell, interruptible=False, ends_call=reason)
    else:
        end(c, reason)


def end(c: Conversation, reason: str) -> None:
    """Hang up, now."""
    if c.reply is not None:
        drop(c)
    _keep_last_words(c)
    for call in c.calls.values():
        c.do(CancelTool(call.id))
    c.calls.clear()
    c.ended = True
    c.do(End(reason))


def _keep_last_words(c: Conversation) -> None:
    """Record what the user said and nobody will answer any more."""
    if c.user.words:
        c.append(UserSaid(c.now, c.user.words))
        c.user.close_segments()


def interruptible(c: Conversation) -> bool:
    """Return whether the user may cut the present reply off."""
    return c.policy.interruption.enabled and yields(c)


def yields(c: Conversation) -> bool:
    """Return whether nothing but the agent's general manners keeps the reply from being cut off."""
    reply = c.reply
    if reply is None or not reply.interruptible:
        return False
    guarded = ToolInterruption.DISABLE_DURING_TOOL
    return not any(c.calls[call].manners.interruption is guarded for call in reply.waits_for)


def untouched(c: Conversation) -> bool:
    """Return whether dropping the present reply would cost nothing: nothing heard, nothing done."""
    reply = c.reply
    if reply is None or reply.author is not Author.MODEL or reply.audible(c.now):
        return False
    if reply.bet is not None:
        return True
    calls = (part.call for part in reply.parts if isinstance(part, ToolCalled))
    return all(call in c.calls and c.calls[call].called_at is None for call in calls)


def question_at_the_ear(c: Conversation) -> str:
    """Return the reply as far as the question the user hears, or heard in the sentence before.

    Empty: there is none. A question that the agent goes on after counts only if "yes" answers it.
    """
    reply = c.reply
    if reply is None:
        return ""
    heard, found = reply.heard(c.now), sentences(reply.text)
    begun = [span for span in found if span[0] < heard]
    for start, end in reversed(begun[-2:]):
        asked = reply.text[start:end]
        open_ended = is_question(asked) and end == found[-1][1]
        if open_ended or is_yes_no_question(asked, words_of(c.policy.language)):
            return reply.text[:end]
    return ""
