"""What only telephones have: keys, and a carrier that tells how far it has played.

The keys that the person presses become turns of theirs; those that the agent presses are tones in
the line's sound.
"""

import asyncio
from collections.abc import Callable

from turnwise.agents.config import DtmfInput
from turnwise.audio.alignment import Alignment
from turnwise.audio.dtmf import tones
from turnwise.base.clock import Clock
from turnwise.base.units import Samples, ms_of
from turnwise.runtime.conversation import Tell
from turnwise.runtime.speaking import SentSound, Speaking
from turnwise.turns.events import ReplyId, UserActive, UserWrote

MOST_KEYS = 128
"""Pressed in a row; then they are told as they are."""
QUIET_S = 30.0
"""Longest wait for the agent to have said what it says before it presses keys."""
_TERMINATOR = "#"
_LOOK_S = 0.05


class PressedKeys:
    """Joins the keys that the person presses into turns of theirs."""

    def __init__(self, settings: DtmfInput, told: Callable[[str], None]) -> None:
        """Begin.

        Args:
            settings: When a turn is over.
            told: Is given the keys of a turn.
        """
        self._settings = settings
        self._told = told
        self._pressed = ""
        self._timer: asyncio.TimerHandle | None = None

    def press(self, key: str) -> None:
        """Take in a key. The turn is over with `#`, or when no further key follows for a while."""
        over = key == _TERMINATOR and self._settings.hash_terminator and bool(self._pressed)
        if not over:
            self._pressed += key
        self._stop_timer()
        if over or len(self._pressed) >= MOST_KEYS:
            self._tell()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._settings.dtmf_input_timeout, self._tell)

    def stop(self) -> None:
        """Forget what was pressed."""
        self._stop_timer()
        self._pressed = ""

    def _tell(self) -> None:
        keys, self._pressed = self._pressed, ""
        self._told(keys)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Phone:
    """The telephone of one conversation."""

    def __init__(self, settings: DtmfInput) -> None:
        """Describe it; it is of use from `connect` on."""
        self.settings = settings
        self._speaking: Speaking | None = None
        self._clock: Clock | None = None
        self._tell: Tell | None = None
        self._keys = PressedKeys(settings, self._keys_told)

    def connect(self, speaking: Speaking, clock: Clock, tell: Tell) -> None:
        """Serve a conversation from here on."""
        self._speaking, self._clock, self._tell = speaking, clock, tell

    def stop(self) -> None:
        """Serve no more: the conversation is over."""
        self._keys.stop()
        self._speaking = self._clock = self._tell = None

    def pressed(self, key: str) -> None:
        """Take in a key that the person pressed."""
        if self._tell is not None:
            self._tell(UserActive())
            self._keys.press(key)

    def played(self, reply: ReplyId, end: Samples) -> None:
        """Take in that the carrier has played a reply up to a position."""
        if self._speaking is not None:
            self._speaking.played(reply, end)

    async def press(self, reply: ReplyId, keys: str) -> None:
        """Press keys, behind all that is being said, and return when they were pressed.

        Args:
            reply: The one that asks for it.
            keys: As `turnwise.audio.dtmf.tones` has them.

        Raises:
            FormatError: If there is another key among them.
            TimeoutError: If the agent speaks on and on.
        """
        speaking, clock = self._speaking, self._clock
        assert speaking is not None, "keys are pressed in a conversation"
        assert clock is not None
        rate_hz = speaking.mouth.audio_format.rate_hz
        sound = tones(keys, rate_hz)
        async with asyncio.timeout(QUIET_S):
            while not speaking.is_quiet():  # noqa: ASYNC110 -- nothing tells that it is
                await asyncio.sleep(_LOOK_S)
        speaking.mouth.send(SentSound(reply, sound, Alignment(), clock.now()))
        await asyncio.sleep(ms_of(Samples(len(sound)), rate_hz) / 1000)

    def _keys_told(self, keys: str) -> None:
        if self._tell is not None:
            self._tell(UserWrote(keys))
