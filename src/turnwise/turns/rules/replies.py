"""Rules that begin, continue and close replies."""

from turnwise.base.units import Millis
from turnwise.turns.calling import held_until, run
from turnwise.turns.commands import Cause, MakeFiller, StartReply, SwitchAgent
from turnwise.turns.endpointing import PATIENCE
from turnwise.turns.listening import discard, endpoint, take, turn_over_at
from turnwise.turns.reactions import say_filler
from turnwise.turns.reply import Author, Reply
from turnwise.turns.replying import begin, bet, close, fail, known, say
from turnwise.turns.rules.rule import Facts, Rule
from turnwise.turns.state import Conversation


def _not_opened(c: Conversation) -> Millis | None:
    return None if c.opened else Millis(0)


def _open(c: Conversation) -> None:
    c.opened = True
    if first := c.policy.first_message:
        say(c, first, interruptible=c.policy.interruption.first_message)
    elif c.policy.speaks_first:
        c.owed = Cause.OPENING


def _tool_may_run(c: Conversation) -> Millis | None:
    if not c.calls:
        return None
    dues = (held_until(c, call) for call in c.calls.values())
    return min((due for due in dues if due is not None), default=None)


def _run_tool(c: Conversation) -> None:
    due = (call for call in c.calls.values() if (at := held_until(c, call)) is not None
           and at <= c.now)  # fmt: skip
    run(c, next(due))


def _tools_answered(c: Conversation) -> Millis | None:
    reply = c.reply
    if reply is None or not reply.goes_on or not reply.written or reply.waits_for or reply.paused:
        return None
    held = any(call.reply == reply.id and call.called_at is None for call in c.calls.values())
    return None if held else reply.moved


def _next_pass(c: Conversation) -> None:
    reply = c.reply
    assert reply is not None
    if reply.passes >= c.policy.guards.max_passes:
        fail(c, "tool_loop", f"{reply.passes} passes in one reply")
        return
    reply.passes += 1
    reply.pass_starts = len(reply.text)
    reply.goes_on = reply.written = False
    reply.waiting_since = reply.moved = reply.model_moved = c.now
    reply.fillers, reply.filler_asked, reply.filler_said = 0, None, None
    unsure = reply.bet is not None
    c.do(StartReply(reply.id, Cause.TOOL_RESULT, known(c), speculative=unsure))


def _heard(c: Conversation) -> Millis | None:
    reply = c.reply
    return None if reply is None or reply.bet is not None else reply.finishes()


def _close_heard(c: Conversation) -> None:
    deaf = c.reply is not None and not (
        c.reply.interruptible and c.policy.interruption.enabled
    )  # what was said over it was said to nobody
    close(c)
    if deaf and c.user.speaking_since is None and not c.ended:
        manners = c.policy.interruption
        if not manners.transcribe_when_disabled:
            discard(c)


def _turn_over(c: Conversation) -> Millis | None:
    if c.reply is not None and c.reply.bet is None:
        return None
    return turn_over_at(c)


def _endpoint_facts(c: Conversation) -> Facts:
    found = endpoint(c)
    facts = [("sign", found[0].name), ("wait", f"{found[0].wait_ms} ms")]
    if c.user.tentative:
        facts.append(("for final words", f"{c.policy.endpointing.final_patience_ms} ms"))
    if len(found) > 1:
        sooner = found[1].wait_ms - found[0].wait_ms
        word = "less" if sooner > 0 else "more"
        facts.append(("instead of", f"{found[1].name}: waited {abs(sooner)} ms {word}"))
    return tuple(facts)


def _worth_a_bet(c: Conversation) -> Millis | None:
    patience, user = c.policy.endpointing.bet_ms, c.user
    if patience is None or c.reply is not None or not user.words or c.hand_over is not None:
        return None
    if user.speaking_since is not None or c.bet_pause == user.pause or c.closing is not None:
        return None
    return max(Millis(user.silent_since + patience), c.undisturbed_from)


def _answer_owed(c: Conversation) -> Millis | None:
    user = c.user
    if c.owed is None or c.reply is not None or user.speaking_since is not None or user.words:
        return None
    if c.hand_over is not None:
        return None
    if not user.resumed:
        return max(c.now, c.undisturbed_from)
    silence = PATIENCE[c.policy.endpointing.eagerness].silence
    return max(Millis(user.silent_since + silence), c.undisturbed_from)


def _hand_over_due(c: Conversation) -> Millis | None:
    if c.hand_over is None or c.reply is not None:
        return None
    if c.user.speaking_since is not None or c.user.words:
        return None
    return max(c.hand_over_at, c.reply_over)


def _hand_over(c: Conversation) -> None:
    asked = c.hand_over
    assert asked is not None
    if c.hand_over_message:
        message, c.hand_over_message = c.hand_over_message, ""
        say(c, message)
        return
    c.policy, c.hand_over = asked.policy, None
    c.do(SwitchAgent(asked.agent))
    if asked.first_message:
        say(c, asked.first_message, interruptible=c.policy.interruption.first_message)
    elif c.owed is None:
        c.owed = Cause.HAND_OVER


def _waits_for_words(c: Conversation) -> Reply | None:
    reply = c.reply
    if reply is None or reply.author is Author.SCRIPT or reply.bet is not None:
        return None
    if reply.written or reply.goes_on or reply.paused:
        return None
    return None if reply.words(len(reply.text), reply.pass_starts) else reply


def _wait_is_long(c: Conversation) -> Millis | None:
    manners = c.policy.fillers
    if manners.timeout_ms is None or (reply := _waits_for_words(c)) is None:
        return None
    if reply.fillers >= manners.most or (
        manners.after_first_user_message and not c.user.ever_spoke
    ):
        return None
    if reply.filler_asked is not None:
        return Millis(reply.filler_asked + manners.generated_patience_ms)
    if reply.text[reply.voiced : reply.spoken].strip():
        return None  # the last one is still to be heard
    since = reply.waiting_since if reply.filler_said is None else reply.filler_said
    return max(Millis(since + manners.timeout_ms), reply.silent_from())


def _fill(c: Conversation) -> None:
    reply, manners = c.reply, c.policy.fillers
    assert reply is not None
    if manners.generated and reply.filler_asked is None:
        reply.filler_asked = c.now
        c.do(MakeFiller(reply.id))
        return
    say_filler(c, filler_text(reply, manners.messages, manners.seed if manners.shuffled else None))


def filler_text(reply: Reply, messages: tuple[str, ...], seed: int | None) -> str:
    """Return the next filler of a reply: in order, or shuffled by a seed; the last is repeated."""
    left = list(messages) or ["Hmm."]
    if seed is None:
        return left[min(reply.fillers, len(left) - 1)]
    # a linear congruential step per draw (Numerical Recipes): the same on every machine, for ever
    state = (seed * 2_654_435_761 + reply.id * 40_503) % 2**32
    chosen = left[0]
    for _ in range(reply.fillers + 1):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        chosen = left.pop((state >> 16) % len(left)) if len(left) > 1 else left[0]
    return chosen


OPEN = Rule(
    "open the conversation",
    "At the start: the first message, or the model's own opening, or nothing.",
    _not_opened,
    _open,
)
RUN_TOOL = Rule(
    "run a tool that may run",
    "A tool runs at once, or once the words before it were heard; never for a turn not yet taken.",
    _tool_may_run,
    _run_tool,
)
NEXT_PASS = Rule(
    "go on with the tools' answers",
    "Everything the model asked of tools is answered: have it write the next pass of the reply.",
    _tools_answered,
    _next_pass,
    lambda c: (("passes", str(c.reply.passes if c.reply else 0)),
               ("most", str(c.policy.guards.max_passes))),
    replying=True,
)  # fmt: skip
CLOSE_HEARD = Rule(
    "close a reply that was heard",
    "The last of its sound reached the ear, and nothing is to follow.",
    _heard,
    _close_heard,
    replying=True,
)
TAKE_TURN = Rule(
    "take the user's turn",
    "The user was silent for as long as the strongest sign asks; see endpointing.",
    _turn_over,
    take,
    _endpoint_facts,
)
BET = Rule(
    "bet that the user is done",
    "`bet_ms` into a silence: have the model write, unheard and without effects.",
    _worth_a_bet,
    bet,
    lambda c: (("silent", f"{c.now - c.user.silent_since} ms"),
               ("bet after", f"{c.policy.endpointing.bet_ms} ms")),
    replying=False,
)  # fmt: skip
HAND_OVER = Rule(
    "hand over to another agent",
    "The agent and the user are silent and the delay is over: transfer message, then the switch.",
    _hand_over_due,
    _hand_over,
    replying=False,
)
ANSWER = Rule(
    "answer what is owed",
    "Something asks for a reply and nobody speaks: begin it.",
    _answer_owed,
    begin,
    lambda c: (("because", c.owed.value if c.owed else ""),),
    replying=False,
)
FILL = Rule(
    "fill a long wait",
    "The model wrote nothing for `timeout_ms`: say a filler, `most` times.",
    _wait_is_long,
    _fill,
    lambda c: (("waited", f"{c.now - (c.reply.waiting_since if c.reply else 0)} ms"),
               ("filler after", f"{c.policy.fillers.timeout_ms} ms")),
    replying=True,
)  # fmt: skip
