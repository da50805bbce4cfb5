import asyncio
import time

import numpy as np
import pytest

from providers.provider_rig import all_of
from turnwise.audio.alignment import Alignment
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderRefused
from turnwise.providers.ports import SoundPiece, VoiceOptions
from turnwise.providers.tts.espeak import SPEC, Espeak, voice_name

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(SPEC.missing() is not None, reason=str(SPEC.missing())),
]

LONG = "This is a long text that nobody wants to hear to its end. " * 60


async def spoken_pieces(text: str, **options: object) -> list[SoundPiece]:
    return await all_of(Espeak().speak(text, VoiceOptions(**options)))  # type: ignore[arg-type]


def joined(pieces: list[SoundPiece], rate_hz: int = 22_050) -> tuple[Pcm, Alignment]:
    """The whole sound, and its characters with times from its begin."""
    sound = np.concatenate([piece.samples for piece in pieces])
    alignment, samples = Alignment(), 0
    for piece in pieces:
        alignment = alignment.join(piece.alignment.shift(samples * 1000 // rate_hz))
        samples += len(piece.samples)
    return sound, alignment


async def test_words_begin_where_their_sound_begins() -> None:
    text = "Stop. Go. Wait. Run."
    sound, alignment = joined(await spoken_pieces(text))
    loud = np.abs(sound.astype(int)) > 300
    for word in ("Go", "Wait", "Run"):
        begin = alignment.starts_ms[text.index(word)] * 22
        assert not loud[begin - 2200 : begin - 220].any(), "the pause before"
        assert loud[begin : begin + 2200].any(), "the word"


async def test_pieces_are_whole_words() -> None:
    pieces = await spoken_pieces("Thank you for calling. Our opening hours are from nine to five.")
    texts = [piece.alignment.text for piece in pieces]
    assert len(pieces) > 5
    assert all(text.endswith(" ") for text in texts[:-1])
    assert all(len(piece.samples) >= 0.199 * 22_050 for piece in pieces[1:-1])


async def test_a_sentence_is_followed_by_a_short_silence() -> None:
    with_pause, _ = joined(await spoken_pieces("Well done."))
    without, _ = joined(await spoken_pieces("Well done"))
    assert not with_pause[-3000:].any()
    assert without[-3000:].any()


async def test_speed_makes_it_faster() -> None:
    lengths = {}
    for speed in (0.7, 1.0, 1.2, 9.0):
        sound, _ = joined(await spoken_pieces("I can book a table for you", speed=speed))
        lengths[speed] = len(sound)
    assert lengths[0.7] > lengths[1.0] > lengths[1.2] > lengths[9.0]


@pytest.mark.parametrize(
    ("voice", "language", "told"),
    [
        ("", "en", "en-us+f2"),
        ("", "de", "de+f2"),
        ("", "zh", "cmn+f2"),
        ("", "pt-BR", "pt-br+f2"),
        ("", "fr_CA", "fr+f2"),
        ("en-gb", "en", "en-gb-x-rp+f2"),
        ("en-us+croak", "de", "en-us+croak"),
        ("m3", "de", "de+m3"),
        ("21m00Tcm4TlvDq8ikWAM", "en", "en-us+f2"),
        ("EXAVITQu4vr4xnSDxMaL", "en", "en-us+f4"),
        ("JBFqnCBsd6RMkjVDRZzb", "en", "en-us+m3"),
        ("cjVigY5qzO86Huf0OWal", "de", "de+m7"),
    ],
)
def test_a_voice_has_a_name(voice: str, language: str, told: str) -> None:
    assert voice_name(VoiceOptions(voice=voice, language=language), Espeak()._engine) == told


async def test_any_other_voice_is_always_the_same_one() -> None:
    names = {
        voice_name(VoiceOptions(voice=f"voice {number}"), Espeak()._engine) for number in range(50)
    }
    assert 8 < len(names) <= 13
    for name in sorted(names):
        assert await spoken_pieces("hello", voice=name)


async def test_a_language_it_does_not_speak_is_refused() -> None:
    with pytest.raises(ProviderRefused, match="'xx'"):
        await spoken_pieces("hello", language="xx")


async def test_closing_stops_the_engine() -> None:
    espeak = Espeak()
    began = time.monotonic()
    stream = espeak.speak(LONG, VoiceOptions())
    await anext(stream)
    await stream.aclose()
    # Whoever is next is served soon: the long text would have taken far longer.
    await all_of(espeak.speak("Go.", VoiceOptions()))
    stopped = time.monotonic() - began
    began = time.monotonic()
    await all_of(espeak.speak(LONG, VoiceOptions()))
    assert stopped < (time.monotonic() - began) / 2


async def test_whoever_gives_up_while_waiting_is_not_spoken() -> None:
    espeak = Espeak()
    async with asyncio.TaskGroup() as group:
        long = group.create_task(all_of(espeak.speak(LONG, VoiceOptions())))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await all_of(espeak.speak(LONG, VoiceOptions()))
    assert joined(await spoken_pieces("Go."))[1].text == "Go."
    assert long.result()
