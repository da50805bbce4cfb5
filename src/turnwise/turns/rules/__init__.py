"""The table of reasons to act, the most urgent first. Its order is meaning.

Nothing here starts a timer: a rule whose reason is gone is no longer due.
"""

from turnwise.turns.rules import barge_in, ending, guards, replies, waiting
from turnwise.turns.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    ending.TOO_LONG,
    ending.FAREWELL_DRAGS_ON,
    ending.HANG_UP_DOUBTFUL,
    # what is believed about the user comes before what follows from it
    guards.AUDIO_STALLS,
    guards.DETECTOR_STUCK,
    guards.TOOL_SLOW,
    barge_in.USER_GOES_ON,
    barge_in.USER_INSISTS,
    barge_in.MAYBE_INTERRUPTED,
    barge_in.ONLY_LISTENING,
    barge_in.FALSE_ALARM,
    replies.RUN_TOOL,
    guards.BROKEN_HEARD,
    replies.CLOSE_HEARD,
    replies.OPEN,
    replies.TAKE_TURN,
    replies.NEXT_PASS,
    replies.HAND_OVER,
    replies.ANSWER,
    replies.BET,
    replies.FILL,
    guards.MODEL_STALLS,
    guards.VOICE_STALLS,
    waiting.WORDS_MISSING,
    waiting.WAIT_ELAPSED,
    ending.USER_GONE,
    waiting.USER_SILENT,
    waiting.SILENCE_BROKEN,
)
