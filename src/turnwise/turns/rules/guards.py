"""Rules for parts that fail silently: no audio, a stuck detector, providers that never answer."""

from turnwise.base.units import Millis
from turnwise.turns.calling import give_up, gives_up_at
from turnwise.turns.commands import CloseUtterance, Report
from turnwise.turns.listening import stop_speech
from turnwise.turns.reply import Author
from turnwise.turns.replying import fail, recover
from turnwise.turns.rules.rule import Facts, Rule
from turnwise.turns.state import Conversation


def _audio_stalls(c: Conversation) -> Millis | None:
    stall = c.policy.endpointing.stall_ms
    if stall is None or c.user.speaking_since is None:
        return None
    return Millis(c.user.audio_at + stall)


def _count_as_silence(c: Conversation) -> None:
    c.do(CloseUtterance())
    stop_speech(c, c.user.audio_at)


def _detector_is_stuck(c: Conversation) -> Millis | None:
    since = c.user.speaking_since
    if since is None:
        return None
    return Millis(max(since, c.user.words_at) + c.policy.guards.stuck_speech_ms)


def _distrust(c: Conversation) -> None:
    c.do(Report("vad_error", f"speech without a new word for {c.policy.guards.stuck_speech_ms} ms"))
    c.do(CloseUtterance())
    stop_speech(c, max(c.user.words_at, c.user.speaking_since or Millis(0)))
    c.user.distrusted, c.user.spoke_ms = True, 0


def _tool_is_slow(c: Conversation) -> Millis | None:
    if not c.calls:
        return None
    dues = (gives_up_at(call) for call in c.calls.values())
    return min((due for due in dues if due is not None), default=None)


def _give_up_on_tool(c: Conversation) -> None:
    waiting = [call for call in c.calls.values() if gives_up_at(call) is not None]
    give_up(c, min(waiting, key=lambda call: gives_up_at(call) or 0))


def _model_stalls(c: Conversation) -> Millis | None:
    reply = c.reply
    if reply is None or reply.author is Author.SCRIPT or reply.written or reply.paused:
        return None
    return Millis(reply.model_moved + c.policy.guards.model_stall_ms)


def _give_up_on_model(c: Conversation) -> None:
    fail(c, "llm_timeout", f"nothing written for {c.policy.guards.model_stall_ms} ms")


def _voice_stalls(c: Conversation) -> Millis | None:
    reply = c.reply
    if reply is None or reply.paused or reply.bet is not None:
        return None
    if not reply.text[reply.voiced : reply.spoken].strip():
        return None
    return Millis(max(reply.moved, reply.silent_from()) + c.policy.guards.speech_stall_ms)


def _give_up_on_voice(c: Conversation) -> None:
    fail(c, "tts_timeout", f"no sound for {c.policy.guards.speech_stall_ms} ms")


def _broken_was_heard(c: Conversation) -> Millis | None:
    reply = c.reply
    return None if reply is None or reply.broken is None or reply.paused else reply.silent_from()


def _audio_facts(c: Conversation) -> Facts:
    return (
        ("no audio for", f"{c.now - c.user.audio_at} ms"),
        ("limit", f"{c.policy.endpointing.stall_ms} ms"),
    )


AUDIO_STALLS = Rule(
    "count missing audio as silence",
    "An utterance is open and no audio arrived for `stall_ms`: silence since the last audio.",
    _audio_stalls,
    _count_as_silence,
    _audio_facts,
)
DETECTOR_STUCK = Rule(
    "distrust a detector that is stuck",
    "Speech for `stuck_speech_ms` without a new word: silence, until the detector says so itself.",
    _detector_is_stuck,
    _distrust,
)
TOOL_SLOW = Rule(
    "give up on a slow tool",
    "A tool that did not answer within its own `timeout_ms` has failed.",
    _tool_is_slow,
    _give_up_on_tool,
)
BROKEN_HEARD = Rule(
    "give up on a broken reply",
    "A reply failed while it was heard, and what was queued of it is over: apologise.",
    _broken_was_heard,
    recover,
    replying=True,
)
MODEL_STALLS = Rule(
    "give up on a model that stalls",
    "The model wrote nothing for `model_stall_ms`: the reply failed; apologise.",
    _model_stalls,
    _give_up_on_model,
    replying=True,
)
VOICE_STALLS = Rule(
    "give up on a voice that stalls",
    "Words without sound for `speech_stall_ms`: the reply failed; apologise.",
    _voice_stalls,
    _give_up_on_voice,
    replying=True,
)
