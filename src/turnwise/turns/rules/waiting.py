"""Rules about a user who is silent although it is the user's turn."""

from turnwise.base.units import Millis
from turnwise.turns.commands import Cause, Report
from turnwise.turns.replying import end, say
from turnwise.turns.rules.rule import Facts, Rule
from turnwise.turns.state import Conversation
from turnwise.turns.transcript import Noted


def _idle(c: Conversation) -> bool:
    """Return whether it is the user's turn and nothing is under way."""
    busy = c.reply is not None or c.owed is not None or c.hand_over is not None
    user_busy = c.user.speaking_since is not None or bool(c.user.words)
    return c.opened and not busy and not user_busy and c.closing is None


def _wait_elapsed(c: Conversation) -> Millis | None:
    return c.waits_until if c.waits_until is not None and _idle(c) else None


def _speak_after_wait(c: Conversation) -> None:
    c.waits_until = None
    c.append(Noted(c.now, "skip_turn_wait_elapsed"))
    c.owed = Cause.WAIT_ELAPSED


def _patience(c: Conversation) -> int | None:
    waiting = c.policy.waiting
    untouched = not c.user.ever_spoke and c.replies == 0
    if untouched and waiting.initial_wait_ms is not None:
        return waiting.initial_wait_ms
    return waiting.turn_timeout_ms


def _user_is_silent(c: Conversation) -> Millis | None:
    if c.waits_until is not None or c.policy.text_only or not _idle(c):
        return None
    patience = _patience(c)
    if patience is None:
        return None
    since = max(c.user.silent_since, c.user.last_spoke, c.reply_over, c.user.active_at or Millis(0))
    return max(Millis(since + patience), c.undisturbed_from)


def _reengage(c: Conversation) -> None:
    c.append(Noted(c.now, "user_turn_timeout"))
    c.owed = Cause.USER_SILENT


def _silence_facts(c: Conversation) -> Facts:
    since = max(c.user.silent_since, c.user.last_spoke, c.reply_over)
    return (("silent", f"{c.now - since} ms"), ("patience", f"{_patience(c)} ms"))


def _words_missing(c: Conversation) -> Millis | None:
    guards, user = c.policy.guards, c.user
    enough = user.cut_wordless or user.spoke_ms >= guards.unheard_speech_ms
    if not enough or not user.resumed:
        return None
    idle_but_for_debt = c.reply is None and c.hand_over is None and c.closing is None
    if not idle_but_for_debt or user.words or user.speaking_since is not None:
        return None
    return Millis(user.silent_since + guards.unheard_patience_ms)


def _ask_again(c: Conversation) -> None:
    c.do(Report("no_transcript", f"{c.user.spoke_ms} ms of speech without a word"))
    c.user.resumed = c.user.cut_wordless = False
    c.user.spoke_ms = 0
    if (line := c.policy.guards.not_understood) and c.owed is None:
        say(c, line)


def _silence_is_long(c: Conversation) -> Millis | None:
    limit = c.policy.guards.max_silence_ms
    if limit is None or c.policy.text_only or c.waits_until is not None or not _idle(c):
        return None
    since = max(c.last_heard, c.user.last_spoke, c.user.silent_since, c.user.active_at or Millis(0))
    return Millis(since + limit)


def _break_silence(c: Conversation) -> None:
    c.alarms += 1
    c.do(Report("silence", f"nobody was heard for {c.policy.guards.max_silence_ms} ms"))
    line = c.policy.guards.still_there
    if c.alarms > 1 or not line:
        end(c, "silence")
    else:
        say(c, line)


WAIT_ELAPSED = Rule(
    "end the wait the agent asked for",
    "The silence that `skip_turn` asked for is over: the agent speaks again.",
    _wait_elapsed,
    _speak_after_wait,
    replying=False,
)
USER_SILENT = Rule(
    "re-engage a silent user",
    "Nobody spoke for `turn_timeout_ms` (before anybody spoke: `initial_wait_ms`): speak again.",
    _user_is_silent,
    _reengage,
    _silence_facts,
    replying=False,
)
WORDS_MISSING = Rule(
    "ask again when speech had no words",
    "`unheard_speech_ms` of speech or a barge-in, no words for `unheard_patience_ms`: say so.",
    _words_missing,
    _ask_again,
    lambda c: (("speech", f"{c.user.spoke_ms} ms"),),
    replying=False,
)
SILENCE_BROKEN = Rule(
    "break a silence nobody meant",
    "Nobody was heard for `max_silence_ms` and nothing is pending: ask; the second time, end.",
    _silence_is_long,
    _break_silence,
    lambda c: (("limit", f"{c.policy.guards.max_silence_ms} ms"), ("alarms", str(c.alarms))),
    replying=False,
)
