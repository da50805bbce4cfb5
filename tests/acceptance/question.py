"""The question that a user asks by voice in a browser, and what must come of it."""

import shutil
from pathlib import Path

import numpy as np

from acceptance.house import House
from acceptance.speech import HZ, Sound, at_rate, pause, similarity, spoken

GREETING = "Hello, how can I help you?"
ADDRESS = "Our address is twelve Market Street."
HOURS = "We are open every day from eleven to ten."

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def question() -> Sound:
    """Asks for the address."""
    return spoken("what is your address", "flite" if shutil.which("flite") else "espeak")


def asking(after_s: float, then_s: float = 1.0) -> Sound:
    """The question after so many seconds, and silence behind it."""
    return np.concatenate([pause(after_s), question(), pause(then_s)])


def heard_in_record(house: House, conversation_id: str) -> None:
    """Assert that the question is in the recording."""
    rate, user, _ = house.recording(conversation_id)
    assert similarity(at_rate(user, rate, HZ), question()) > 0.5  # the browser filters speech
