"""One user who speaks, or writes, waits for the answer, and now and then speaks over it.

No socket and no clock: both are given. Times are seconds of one clock that never goes back.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import orjson
from typing_extensions import override

from turnwise.audio.formats import AudioFormat
from turnwise.testing.load.plan import TAIL_S, Plan
from turnwise.testing.load.playing import Playing
from turnwise.testing.load.speech import Utterance
from turnwise.testing.load.tally import Tally

Send = Callable[[bytes], object]
"""Sends one message."""

NO_ANSWER = "a turn was not answered"
NOT_NOTICED = "a barge-in was not noticed"
CUT_OFF = "a turn was answered before it was over"
LOST = "sound of an answer was lost"
_NOTICE_S = 2.0
"""An `interruption` that takes longer counts as none."""
_GREETING_S = 1.0
"""How long a user waits for a first message."""
_SILENCE_S = 3.0
"""A reply of which nothing comes for so long is over, where a server does not say that it is."""
_TIMER_S = 0.005
"""By so much timers may ring early."""
_REST_S = 0.3
"""A barge-in needs so much of the agent's speech still to come."""


class Caller:
    """What both kinds of user have in common: whose turn it is, and how long it takes."""

    def __init__(self, plan: Plan, tally: Tally, send: Send, opened_at: float, rng: Random) -> None:
        """Begin.

        Args:
            plan: What users do.
            tally: Where figures go.
            send: Sends one message.
            opened_at: When the socket was open.
            rng: Varies the pauses.
        """
        self._plan = plan
        self._tally = tally
        self._send = send
        self._rng = rng
        self._opened_at = opened_at
        self._asked_at: float | None = None  # when the user's turn ended; None: no answer is due
        self._newest = 0  # number of the newest reply
        self._before = 0  # number of the newest reply when the user's turn began
        self._over = True  # whether the newest reply is
        self._news_at = opened_at  # when something of a reply came last
        self._next_at = opened_at + _GREETING_S * (0.5 + rng.random())

    def answer(self, kind: str, body: dict[str, Any], now: float) -> None:  # noqa: ARG002 - others need it
        """Take in a message of the server: its type, its fields, and when it came."""
        if kind == "ping":
            event = {"type": "pong", "event_id": body.get("event_id")}
            self._send(orjson.dumps(event))
        elif kind == "agent_response_complete":
            self._over = True

    def finish(self, now: float) -> None:
        """Hang up; a turn of which the answer is overdue counts as not answered."""
        if self._asked_at is not None and now >= self._asked_at + TAIL_S:
            self._not_answered(self._asked_at)

    def _replied(self, reply: int, now: float) -> None:
        """Take in a sign of a reply: its sound, or its words in text."""
        self._news_at = now
        if reply <= self._newest:
            return
        self._newest, self._over = reply, False
        self._next_at = now + self._pause_s()
        if self._asked_at is None or reply <= self._before:
            return
        if now < self._asked_at - _TIMER_S:
            self._tally.errors[CUT_OFF] += 1
            return
        self._tally.note(self._tally.responses, self._asked_at, max(0.0, now - self._asked_at))
        self._asked_at = None

    def _gives_up(self, now: float) -> bool:
        if self._asked_at is None or now < self._asked_at + self._plan.patience_s:
            return False
        self._not_answered(self._asked_at)
        self._asked_at = None
        return True

    def _not_answered(self, asked_at: float) -> None:
        if self._tally.counts(asked_at):
            self._tally.errors[NO_ANSWER] += 1

    def _pause_s(self) -> float:
        return self._plan.pause_s * (0.5 + self._rng.random())

    def _rests(self, now: float, heard_at: float) -> bool:
        """Return whether the user still listens, or thinks about what was said.

        Args:
            now: The time.
            heard_at: When what has come will have been heard.
        """
        over = self._over or now > max(heard_at, self._news_at) + _SILENCE_S
        if not over or now < heard_at:
            self._next_at = max(now, heard_at) + self._pause_s()
            return True
        return now < self._next_at


class Speaker(Caller):
    """A user with a microphone."""

    def __init__(  # noqa: PLR0913, PLR0917 - as above, and what is said
        self,
        plan: Plan,
        tally: Tally,
        send: Send,
        opened_at: float,
        rng: Random,
        utterance: Utterance,
        agent_format: AudioFormat,
    ) -> None:
        """Begin.

        Args:
            plan: What users do.
            tally: Where figures go.
            send: Sends one message.
            opened_at: When the socket was open.
            rng: Varies the pauses.
            utterance: What each turn says.
            agent_format: The form of the agent's sound.
        """
        super().__init__(plan, tally, send, opened_at, rng)
        self._utterance = utterance
        self._bytes_a_second = agent_format.rate_hz * agent_format.bytes_per_sample
        self._playing = Playing()
        self._saying = 0  # messages of the utterance that were sent; 0: the user is silent
        self._onset_at: float | None = None  # of a barge-in that was not noticed yet
        self._turns = rng.randrange(plan.barge_in_every) if plan.barge_in_every else 0
        self._greeted = False
        self._answered = False  # whether the newest reply is an answer, and was not interrupted
        self._heard_s = 0.0  # of the newest reply

    def tick(self, due: float) -> None:
        """Send the sound of the time up to now, as long as one message."""
        if not self._saying and self._begins(due):
            began = due - self._utterance.chunk_s
            self._asked_at = began + self._utterance.end_s
            self._before = self._newest
            self._turns += 1
            if self._playing.ends_at > due:
                self._onset_at = began + self._utterance.onset_s
            else:
                self._miss(due)
            self._answered = False
            self._saying = 1
            self._send(self._utterance.messages[0])
        elif self._saying:
            self._send(self._utterance.messages[self._saying])
            self._saying += 1
        else:
            self._send(self._utterance.silence)
        if self._saying == len(self._utterance.messages):
            self._saying = 0
        if self._onset_at is not None and due > self._onset_at + _NOTICE_S:
            self._notice_nothing()

    @override
    def answer(self, kind: str, body: dict[str, Any], now: float) -> None:
        """Take in a message of the server."""
        if kind == "audio":
            sound = body.get("audio_base_64") or ""
            size = len(sound) * 3 // 4 - sound.count("=", -2)
            if size:
                self.hear(int(body.get("event_id") or 0), size / self._bytes_a_second, now)
        elif kind == "interruption":
            self.fall_silent(now)
        else:
            super().answer(kind, body, now)

    def hear(self, reply: int, length_s: float, now: float) -> None:
        """Take in sound of the agent.

        Args:
            reply: Number of the reply; a later one has a higher number.
            length_s: How long it lasts.
            now: When it came.
        """
        if not self._greeted and self._asked_at is None:
            self._tally.greetings_ms.append((now - self._opened_at) * 1000)
        self._greeted = True
        self._answered |= self._asked_at is not None and reply > self._before
        self._replied(reply, now)
        self._heard_s = length_s + (self._heard_s if reply <= self._playing.reply else 0.0)
        hole_s = self._playing.take(reply, length_s, now)
        if hole_s:
            self._tally.note(self._tally.holes, now, hole_s)
        if self._tally.counts(now):
            self._tally.audio_s += length_s

    def fall_silent(self, now: float) -> None:
        """Take in that the agent lets itself be interrupted."""
        self._playing.stop(now)
        self._over = True
        if self._onset_at is not None:
            self._tally.note(self._tally.interruptions, self._onset_at, now - self._onset_at)
            self._onset_at = None

    def _miss(self, now: float) -> None:
        """Note that sound of the newest reply never came, if that is known."""
        whole_s = self._plan.reply_s
        if whole_s is None or not self._answered or not self._tally.counts(now):
            return
        if self._heard_s < whole_s:
            self._tally.errors[LOST] += 1

    def _begins(self, now: float) -> bool:
        """Return whether the user begins to speak."""
        if self._asked_at is not None:
            return self._gives_up(now)
        if not self._rests(now, self._playing.ends_at):
            return True
        every = self._plan.barge_in_every
        return bool(
            every
            and self._turns % every == every - 1
            and now >= self._playing.begun_at + self._plan.barge_in_after_s
            and now + _REST_S < self._playing.ends_at
        )

    def _notice_nothing(self) -> None:
        assert self._onset_at is not None
        if self._tally.counts(self._onset_at):
            self._tally.errors[NOT_NOTICED] += 1
        self._onset_at = None


class Writer(Caller):
    """A user with a keyboard."""

    period_s = 0.1
    """How often `tick` should come."""

    def tick(self, due: float) -> None:
        """Write, if it is time to."""
        if self._asked_at is not None and not self._gives_up(due):
            return
        if self._rests(due, 0.0):
            return
        self._before, self._asked_at = self._newest, due
        self._send(b'{"type":"user_message","text":"Hello, how are you today?"}')

    @override
    def answer(self, kind: str, body: dict[str, Any], now: float) -> None:
        """Take in a message of the server."""
        if kind == "agent_response" or (kind == "agent_chat_response_part" and body.get("text")):
            self._greet(now)
            self._replied(int(body.get("event_id") or 0), now)
            if kind == "agent_response":
                self._over = True
        else:
            super().answer(kind, body, now)

    def _greet(self, now: float) -> None:
        if not self._newest and self._asked_at is None:
            self._tally.greetings_ms.append((now - self._opened_at) * 1000)
