"""The work that every framework gets: who says what, and how long the minds behind it take.

Plain numbers and numpy, because each framework reads it in an environment of its own. The model's
first piece is a whole sentence, so that no framework waits for another one before it speaks: what
lies between the user's last sample and the agent's first is then, for all of them, `SCHEDULE_MS`
and what they add to it.
"""

import numpy as np

SILENCE_MS = 500
"""After so much silence the user's turn is over."""
TRANSCRIBER_MS = 50
"""From the end of the turn to its text."""
FIRST_TOKEN_MS = 50
TOKEN_MS = 5
VOICE_MS = 50
"""From a text to its first sound; the rest comes at once."""
SCHEDULE_MS = SILENCE_MS + TRANSCRIBER_MS + FIRST_TOKEN_MS + VOICE_MS

HEARD = "hello can you help me"
FIRST_PIECE = "I can certainly help you with that. "
REST = "Please tell me a little more about what you would like to do today, and we will begin. "
MS_PER_CHAR = 25
RATE_HZ = 16_000

_LEVEL = 8_000

Sound = np.ndarray[tuple[int], np.dtype[np.int16]]


def pieces() -> list[str]:
    """Return the reply as the model writes it: a sentence, then word by word."""
    return [FIRST_PIECE, *(f"{word} " for word in REST.split())]


def reply_ms() -> int:
    """Return for how long the reply is heard."""
    return MS_PER_CHAR * (len(FIRST_PIECE) + len(REST))


def least_reply_s() -> float:
    """Return how much of a reply must be heard, in seconds: spaces at ends may be left out."""
    return (reply_ms() - 4 * MS_PER_CHAR) / 1000


def speech_ms(text: str) -> int:
    """Return for how long a text is heard."""
    return MS_PER_CHAR * len(text)


def sound(text: str) -> Sound:
    """Return the sound of a text, int16 mono at `RATE_HZ`, cut from one that was made once."""
    part: Sound = TONE[: RATE_HZ * speech_ms(text) // 1000]
    return part


TONE: Sound = np.rint(_LEVEL * np.sin(np.arange(RATE_HZ * 20) * 0.1)).astype(np.int16)
