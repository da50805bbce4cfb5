"""espeak-ng: a small, clear, robotic voice in many languages that works right after install.

Law: sound is cut where words begin, so that each piece has all the sound of its characters.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from turnwise.audio.alignment import Alignment
from turnwise.audio.frames import SampleQueue
from turnwise.audio.pcm import Pcm, silence
from turnwise.base.errors import ProviderRefused
from turnwise.base.units import Hertz, ms_of, samples_in
from turnwise.providers.ports import SoundPiece, Voice, VoiceOptions
from turnwise.providers.sentence_speech import steady_choice
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.tts.espeak_engine import Engine, Speech, engine
from turnwise.providers.wire_voices import alike

SPEC = ProviderSpec(
    kind="tts",
    name="espeak",
    sentence="espeak-ng, a robotic voice in about 100 languages; works right after install.",
    quality="demo",
    licence="espeak-ng is GPL-3.0-or-later, and so is what you distribute together with it.",
    extra="demo",
    modules=("espeakng_loader",),
)

_WORDS_PER_MINUTE = 150
_SLOWEST, _FASTEST = 80, 450  # speak_lib.h, espeakRATE
_LEAST_PIECE_MS = 200
_SENTENCE_PAUSE_MS = 150
_SENTENCE_ENDS = (".", "!", "?", "…", ":", ";")

_LANGUAGES = {
    "en": "en-us",
    "en-gb": "en-gb-x-rp",
    "fr-fr": "fr",
    "no": "nb",
    "pt": "pt-br",
    "zh": "cmn",
}
"""What espeak calls a language that it has under another name."""

_DEFAULT_VARIANT = "f2"
"""The one that is understood best."""  # measured: speech lab, section 3

_WOMEN = ("f1", "f2", "f3", "f4", "f5")
_MEN = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
"""Throats for voices that are not espeak's own."""


_WELL_KNOWN = {
    "21m00Tcm4TlvDq8ikWAM": "f2",  # Rachel
    "EXAVITQu4vr4xnSDxMaL": "f4",  # Sarah
    "JBFqnCBsd6RMkjVDRZzb": "m3",  # George
    "cjVigY5qzO86Huf0OWal": "m7",  # Eric
}
"""Throats of the voices that agents name most; the others get one of their gender."""


class Espeak:
    """Speaks with espeak-ng. All instances share the one engine of the process."""

    SPEC = SPEC

    def __init__(self, *, words_per_minute: int = _WORDS_PER_MINUTE) -> None:
        """Load the library, which takes some 10 ms.

        Args:
            words_per_minute: At speed 1, 80 to 450.

        Raises:
            ProviderRefused: If it cannot be loaded.
        """
        SPEC.check_installed()
        self._engine = engine()
        self._words_per_minute = words_per_minute
        self.rate_hz: Hertz = self._engine.rate_hz

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield sound from word to word, at least 200 ms but for the first and the last piece.

        A voice is `language+variant` (`en-us+f2`), either of them, or any other name, which always
        stands for the same variant.

        Raises:
            ProviderRefused: If espeak does not speak the language.
        """
        if not text:
            return
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[SoundPiece | None] = asyncio.Queue()
        cutter = _Cutter(text, self.rate_hz)
        cancelled = False

        def put(piece: SoundPiece | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def hear(sound: Pcm, words: Sequence[tuple[int, int]]) -> bool:
            for piece in cutter.push(sound, words):
                put(piece)
            return not cancelled

        voice = voice_name(options, self._engine)
        rate = round(self._words_per_minute * options.speed)
        rate = min(max(rate, _SLOWEST), _FASTEST)
        spoken = self._engine.speak(Speech(text, voice, rate, hear))
        spoken.add_done_callback(lambda _: put(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            spoken.result()
            yield cutter.flush()
        finally:
            cancelled = True
            spoken.cancel()

    async def voices(self) -> Sequence[Voice]:
        """Return the throats: each speaks all languages."""
        women = [Voice(voice_id=name, name=f"espeak {name}", gender="female") for name in _WOMEN]
        return [
            *women,
            *(Voice(voice_id=name, name=f"espeak {name}", gender="male") for name in _MEN),
        ]

    async def aclose(self) -> None:
        """Do nothing: the library stays for the other instances."""


def voice_name(options: VoiceOptions, library: Engine) -> str:
    """Return espeak's name of the voice that is meant.

    Raises:
        ProviderRefused: If it does not speak the language.
    """
    told, _, told_variant = options.voice.lower().partition("+")
    if told in library.variants and not told_variant:
        told, told_variant = "", told
    told = _LANGUAGES.get(told, told)
    language = told if told in library.languages else _language(options.language, library)
    if told_variant in library.variants:
        variant = told_variant
    elif told in library.languages or not options.voice:
        variant = _DEFAULT_VARIANT
    else:
        variant = _variant_of(options.voice)
    return f"{language}+{variant}"


def _variant_of(voice: str) -> str:
    return _WELL_KNOWN.get(voice) or steady_choice(voice, alike(voice, _WOMEN, _MEN))


def _language(code: str, library: Engine) -> str:
    code = code.lower().replace("_", "-")
    stem = code.partition("-")[0]
    for name in (_LANGUAGES.get(code), code, _LANGUAGES.get(stem), stem):
        if name in library.languages:
            assert name is not None
            return name
    raise ProviderRefused(SPEC.full_name, f"espeak-ng does not speak the language {code!r}")


class _Cutter:
    """Makes pieces of what the engine says; its positions count from the begin of the text."""

    def __init__(self, text: str, rate_hz: Hertz) -> None:
        self._text = text
        self._rate_hz = rate_hz
        self._waiting = SampleQueue()
        self._words: list[tuple[int, int]] = []  # those of the waiting sound
        self._from_char = 0
        self._from_ms = 0

    def push(self, sound: Pcm, words: Sequence[tuple[int, int]]) -> list[SoundPiece]:
        """Take the next sound, shape (n,), and the words in it; return the pieces it completes."""
        self._waiting.push(sound)
        pieces = []
        for offset, ms in words:
            if self._is_cut(offset, ms):
                pieces.append(self._cut(offset, ms))
            self._words.append((offset, ms))
        return pieces

    def flush(self) -> SoundPiece:
        """Return the last piece, with the pause that follows a sentence."""
        ms = self._from_ms + ms_of(len(self._waiting), self._rate_hz)
        piece = self._cut(len(self._text), ms)
        rest = self._waiting.take(len(self._waiting))
        pause = _SENTENCE_PAUSE_MS if self._text.rstrip().endswith(_SENTENCE_ENDS) else 0
        pause_samples = silence(samples_in(pause, self._rate_hz))
        return SoundPiece(np.concatenate([piece.samples, rest, pause_samples]), piece.alignment)

    def _is_cut(self, offset: int, ms: int) -> bool:
        """Tell whether a token begins here, all its sound still to come, and enough before it."""
        return (
            offset > self._from_char
            and self._text[offset - 1].isspace()
            and offset < len(self._text)
            and ms >= self._from_ms + (_LEAST_PIECE_MS if self._from_char else 1)
            and all(before < offset for before, _ in self._words)
        )

    def _cut(self, to_char: int, to_ms: int) -> SoundPiece:
        samples = self._waiting.take(
            samples_in(to_ms, self._rate_hz) - samples_in(self._from_ms, self._rate_hz)
        )
        length_ms = to_ms - self._from_ms
        words = [(offset - self._from_char, ms - self._from_ms) for offset, ms in self._words]
        text = self._text[self._from_char : to_char]
        self._words.clear()
        self._from_char, self._from_ms = to_char, to_ms
        return SoundPiece(samples, Alignment.of_words(text, words, length_ms))
