"""Rules for a user who speaks while a reply is under way: go quiet, give way, or go on."""

from turnwise.base.units import Millis
from turnwise.turns.commands import Cause, Pause, Resume
from turnwise.turns.interruption import insists_after, is_backchannel
from turnwise.turns.listening import barge_in, ignore, words_final_at
from turnwise.turns.replying import drop, interruptible, untouched, yields
from turnwise.turns.rules.rule import Facts, Rule
from turnwise.turns.state import Conversation


def _user_goes_on(c: Conversation) -> Millis | None:
    if c.reply is None or c.user.speaking_since is None:
        return None
    if c.reply.bet is None and not yields(c):
        return None
    return c.now if untouched(c) else None


def _withdraw(c: Conversation) -> None:
    reply = c.reply
    assert reply is not None
    drop(c)
    if reply.bet is None:
        c.owed, c.owed_for = reply.cause or Cause.USER_TURN, reply.answers


def _maybe_interrupted(c: Conversation) -> Millis | None:
    reply, since = c.reply, c.user.speaking_since
    if reply is None or since is None or reply.paused or not c.policy.interruption.pause:
        return None
    return since if reply.bet is None and interruptible(c) else None


def _go_quiet(c: Conversation) -> None:
    assert c.reply is not None
    c.reply.pause(c.now)
    c.do(Pause(c.reply.id))


def _user_insists(c: Conversation) -> Millis | None:
    user = c.user
    if c.reply is None or (user.speaking_since is None and not user.words):
        return None
    if c.reply.bet is not None or not interruptible(c):
        return None
    wait = insists_after(barge_in(c), c.policy.interruption, c.policy.language)
    if wait is None:
        return None
    return user.words_at if user.speaking_since is None else Millis(user.speaking_since + wait)


def _give_way(c: Conversation) -> None:
    c.user.cut_wordless = not c.user.words
    drop(c)


def _insists_facts(c: Conversation) -> Facts:
    how, manners = barge_in(c), c.policy.interruption
    return (
        ("speaking", "no" if how.speaking_ms is None else f"{how.speaking_ms} ms"),
        ("speech that interrupts", f"{manners.barge_in_ms} ms"),
        ("words", f"{len(how.words.split())}"),
        ("words that interrupt", f"{manners.barge_in_words}"),
    )


def _only_listening(c: Conversation) -> Millis | None:
    user = c.user
    if c.reply is None or not user.words or user.speaking_since is not None:
        return None
    if c.reply.bet is not None:
        return None
    manners = c.policy.interruption
    if not interruptible(c) and not manners.transcribe_when_disabled:
        return None  # nobody listens: it is thrown away with all else
    if not is_backchannel(barge_in(c), manners, c.policy.language):
        return None
    return words_final_at(c) if user.tentative else user.silent_since


def _false_alarm(c: Conversation) -> Millis | None:
    reply, user = c.reply, c.user
    if reply is None or not reply.paused:
        return None
    if not interruptible(c):
        return c.now
    if user.speaking_since is not None:
        return None
    patience = c.policy.interruption.false_alarm_ms if user.words or user.resumed else 0
    return Millis(user.silent_since + patience)


def _go_on(c: Conversation) -> None:
    assert c.reply is not None
    c.reply.resume(Millis(c.now + c.policy.playout_ms))
    c.reply.moved = c.now
    c.do(Resume(c.reply.id))
    if not c.user.words:
        c.user.resumed, c.user.spoke_ms = False, 0


def _alarm_facts(c: Conversation) -> Facts:
    return (
        ("silent", f"{c.now - c.user.silent_since} ms"),
        ("patience", f"{c.policy.interruption.false_alarm_ms} ms"),
        ("words", "too few" if c.user.words else "none"),
    )


USER_GOES_ON = Rule(
    "let the user go on",
    "The user speaks before anything of the reply was heard or done: withdraw it; it stays owed.",
    _user_goes_on,
    _withdraw,
    replying=True,
)
MAYBE_INTERRUPTED = Rule(
    "go quiet at a possible barge-in",
    "The user begins to speak over a reply that may be interrupted: hold the sound at once.",
    _maybe_interrupted,
    _go_quiet,
    replying=True,
)
USER_INSISTS = Rule(
    "let the user interrupt",
    "Speech over a reply has words that are no backchannel, or lasts `barge_in_ms`: drop it.",
    _user_insists,
    _give_way,
    _insists_facts,
    replying=True,
)
ONLY_LISTENING = Rule(
    "ignore a backchannel",
    "All that was said over a reply is an ignored term or a backchannel: note it and take no turn.",
    _only_listening,
    ignore,
    lambda c: (("words", "a backchannel or ignored term"), ("language", c.policy.language)),
    replying=True,
)
FALSE_ALARM = Rule(
    "resume after a false alarm",
    "Quiet for a possible barge-in, and no words came within `false_alarm_ms`: play on.",
    _false_alarm,
    _go_on,
    _alarm_facts,
    replying=True,
)
