from collections.abc import AsyncGenerator

import numpy as np
import pytest

from turnwise.audio.alignment import Alignment
from turnwise.base.errors import ProviderBroken
from turnwise.base.units import Hertz
from turnwise.providers.ports import SoundPiece, VoiceOptions
from turnwise.runtime.remembered_speech import RememberedSpeech

pytestmark = pytest.mark.anyio

HALF_A_SECOND = 4_000
OPTIONS = VoiceOptions()


class Voice:
    """Speaks each word as half a second of one number, and counts what it was asked for."""

    rate_hz = Hertz(8_000)

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:  # noqa: ARG002
        self.asked.append(text)
        for number, word in enumerate(text.split()):
            if self.broken and number:
                raise ProviderBroken("tts/voice", "it broke")
            samples = np.full(HALF_A_SECOND, number + 1, np.int16)
            yield SoundPiece(samples, Alignment.estimate(word, 500))

    async def aclose(self) -> None:
        raise AssertionError("its owner closes it")


async def heard(voice: RememberedSpeech, text: str, options: VoiceOptions = OPTIONS) -> list[int]:
    pieces = [piece async for piece in voice.speak(text, options)]
    assert "".join("".join(piece.alignment.chars) for piece in pieces) == text.replace(" ", "")
    return [int(piece.samples[0]) for piece in pieces]


async def test_what_is_spoken_again_and_again_is_made_twice() -> None:
    voice = Voice()
    speech = RememberedSpeech(voice)
    assert speech.rate_hz == 8_000
    for _ in range(4):
        assert await heard(speech, "Hello there") == [1, 2]
    assert voice.asked == ["Hello there"] * 2


async def test_another_voice_is_another_sound() -> None:
    voice = Voice()
    speech = RememberedSpeech(voice)
    for options in (OPTIONS, VoiceOptions(voice="other")) * 3:
        await heard(speech, "Hello", options)
    assert voice.asked == ["Hello"] * 4


async def test_what_broke_or_was_cut_off_is_not_remembered() -> None:
    voice = Voice()
    speech = RememberedSpeech(voice)
    await heard(speech, "Hello there")
    voice.broken = True
    with pytest.raises(ProviderBroken):
        await heard(speech, "Hello there")
    voice.broken = False
    cut = speech.speak("Hello there", OPTIONS)
    await anext(cut)
    await cut.aclose()
    assert await heard(speech, "Hello there") == [1, 2]  # this one is kept
    assert await heard(speech, "Hello there") == [1, 2]
    assert voice.asked == ["Hello there"] * 4


async def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    voice = Voice()
    speech = RememberedSpeech(voice, most_bytes=2 * 2 * HALF_A_SECOND)
    for text in ("One", "Two", "One", "Two", "One", "Three", "Three"):
        await heard(speech, text)
    del voice.asked[:]
    for text in ("One", "Three", "Two"):
        await heard(speech, text)
    assert voice.asked == ["Two"]


async def test_closing_forgets() -> None:
    voice = Voice()
    speech = RememberedSpeech(voice)
    for _ in range(2):
        await heard(speech, "Hello")
    await speech.aclose()
    await heard(speech, "Hello")
    assert voice.asked == ["Hello"] * 3
