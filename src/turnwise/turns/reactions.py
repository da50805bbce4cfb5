"""What an event changes at once. What follows from it, now or later, is in `rules`."""

from dataclasses import replace
from math import isfinite
from typing import assert_never

from turnwise.base.units import Millis
from turnwise.turns.calling import answer, conclude, request
from turnwise.turns.commands import Cause, Report, SwitchAgent
from turnwise.turns.events import (
    ContextGiven,
    EndAsked,
    Event,
    FillerMade,
    HandOverAsked,
    HearingFailed,
    HungUp,
    MannersChanged,
    Played,
    ReplyFailed,
    ReplyText,
    ReplyWritten,
    SpeechContinued,
    SpeechFailed,
    SpeechStarted,
    SpeechStopped,
    Tick,
    ToolRequested,
    ToolReturned,
    ToolsJoined,
    Transcribed,
    TurnScored,
    TurnSkipped,
    UserActive,
    UserWrote,
    Voiced,
)
from turnwise.turns.hanging_up import doubt
from turnwise.turns.listening import hear, start_speech, stop_speech, take
from turnwise.turns.reply import Reply
from turnwise.turns.replying import (
    announce,
    break_off,
    drop,
    end,
    finish_with,
    interruptible,
    speak,
    untouched,
)
from turnwise.turns.state import Conversation
from turnwise.turns.transcript import ContextAdded, UserSaid


def react(to: Event, c: Conversation) -> None:
    """Change the conversation by one event."""
    user = c.user
    match to:
        case SpeechStarted():
            if not user.distrusted:
                start_speech(c)
        case SpeechContinued():
            user.audio_at = c.now
        case SpeechStopped(silence_ms=ms):
            user.distrusted = False
            if user.speaking_since is not None:
                stop_speech(c, Millis(c.now - ms))
        case Transcribed():
            hear(c, to)
        case TurnScored(pause=pause, score=score):
            if pause == user.pause and user.speaking_since is None:
                user.score = min(1.0, max(0.0, score)) if isfinite(score) else None
        case UserWrote(text=text):
            _read(text, c)
        case UserActive():
            user.active_at = c.now
        case ContextGiven():
            _learn(to, c)
        case ReplyText(reply=id, text=text):
            if (reply := c.live(id)) and not reply.written and text:
                reply.write(text, c.now)
                _model_moved(c, reply)
                speak(c)
        case ReplyWritten(reply=id):
            if (reply := c.live(id)) and not reply.written:
                reply.written = True
                _model_moved(c, reply)
                if reply.farewell and not reply.goes_on:
                    _add_farewell(c, reply)
                announce(c)
        case ReplyFailed(reply=id, reason=reason, kind=kind):
            if (reply := c.live(id)) and (reply.goes_on or not reply.written):
                break_off(c, kind, reason)
        case Voiced(reply=id, chars=chars, ms=ms, ends_ms=ends):
            if reply := c.live(id):
                reply.voice(chars, ms, ends, Millis(c.now + c.policy.playout_ms))
                reply.moved = c.now
        case Played(reply=id, ms=ms):
            if (reply := c.live(id)) and not reply.paused:
                reply.played(ms, c.now)
        case SpeechFailed(reply=id, reason=reason):
            if c.live(id):
                break_off(c, "tts_error", reason)
        case HearingFailed(reason=reason):
            c.do(Report("asr_transcription_error", reason))
            if not c.policy.text_only and c.closing is None:
                finish_with(c, "asr_transcription_error", c.policy.guards.farewell)
        case FillerMade(reply=id, text=text):
            if (reply := c.live(id)) and reply.filler_asked is not None and text.strip():
                say_filler(c, text)
        case ToolRequested(reply=id, call=call):
            if (reply := c.live(id)) and not reply.written and call not in c.calls:
                request(c, reply, to)
                _model_moved(c, reply)
        case ToolReturned(call=call, result=result, failed=failed):
            answer(c, call, result, failed=failed)
        case TurnSkipped(call=call, wait_ms=wait):
            if conclude(c, call, "Waiting for the user.") and wait is not None:
                c.waits_until = Millis(c.now + wait)
        case EndAsked():
            _say_goodbye(to, c)
        case HandOverAsked(call=call, delay_ms=delay):
            told = to.result or f"Handed over to {to.agent}."
            if c.closing is None and conclude(c, call, told):
                c.hand_over, c.hand_over_message = to, to.message
                c.hand_over_at = Millis(c.now + delay)
        case MannersChanged(agent=agent, policy=policy, call=call):
            if call in c.calls:
                c.policy = policy
                c.do(SwitchAgent(agent))
        case ToolsJoined(tools=tools):
            c.policy = replace(c.policy, tools=(*c.policy.tools, *tools))
        case HungUp(reason=reason):
            end(c, reason)
        case Tick():
            pass
        case _:
            assert_never(to)


def say_filler(c: Conversation, text: str) -> None:
    """Cover the wait for the model with a few words."""
    reply = c.reply
    assert reply is not None
    reply.fillers += 1
    reply.filler_asked, reply.filler_said = None, c.now
    reply.write(text.strip() + " ", c.now, filler=True)
    speak(c)


def _read(text: str, c: Conversation) -> None:
    """Take a typed message as a turn of its own; it interrupts like speech."""
    user = c.user
    if c.closing is not None or not text.strip():
        return
    if c.reply is not None and (untouched(c) or interruptible(c) or c.policy.text_only):
        drop(c)
    if c.reply is None and user.words and user.speaking_since is None:
        take(c)
    index = c.append(UserSaid(c.now, text, typed=True))
    user.ever_spoke, user.last_spoke, user.active_at = True, c.now, None
    c.taken, c.waits_until, c.alarms = None, None, 0
    c.owed, c.owed_for = Cause.USER_TURN, index


def _learn(given: ContextGiven, c: Conversation) -> None:
    """Note a context; it takes the place of an older one of the same id."""
    if given.context_id is not None:
        for index, old in enumerate(c.transcript):
            if (
                isinstance(old, ContextAdded)
                and old.context_id == given.context_id
                and not old.superseded
            ):
                c.amend(index, ContextAdded(old.at, old.text, old.context_id, superseded=True))
    c.append(ContextAdded(c.now, given.text, given.context_id))


def _say_goodbye(asked: EndAsked, c: Conversation) -> None:
    """Let the agent finish, then end; a user who interrupts an `end_call` calls it off."""
    if c.closing is None and (why := doubt(c, asked)):
        c.hang_up, c.hang_up_doubt = asked, why
        return
    if c.closing is not None or not conclude(c, asked.call, asked.reason):
        return
    reply = c.reply
    if reply is None or reply.bet is not None:
        finish_with(c, asked.reason, asked.farewell)
        return
    reply.ends_call, reply.farewell = asked.reason, asked.farewell.strip()
    if asked.call is None:
        reply.interruptible = False
    if reply.written or asked.call is not None:
        reply.goes_on, reply.written = False, True
        _add_farewell(c, reply)
        announce(c)


def _add_farewell(c: Conversation, reply: Reply) -> None:
    if reply.farewell:
        lead = " " if reply.text and not reply.text.endswith(" ") else ""
        reply.write(lead + reply.farewell, c.now)
        reply.farewell = ""
        speak(c)


def _model_moved(c: Conversation, reply: Reply) -> None:
    reply.moved = reply.model_moved = c.now
    reply.filler_asked = None
