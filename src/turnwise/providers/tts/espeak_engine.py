"""espeak-ng through ctypes: one engine per process, one thread that speaks.

The library is process-global and not thread-safe (espeak-ng#495), but so fast (a second of sound
takes about a millisecond) that all conversations can take turns. It calls back with some 60 ms of
sound and the words that begin in it; an answer of 1 stops it.
"""

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderBroken, ProviderRefused
from turnwise.base.units import Hertz

_NAME = "tts/espeak"

_SYNCHRONOUS = 2  # speak_lib.h, espeak_AUDIO_OUTPUT: sound goes to the callback, in this thread
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: an error is told, not the end of the process
_RATE, _CHARACTERS, _UTF8 = 1, 1, 1  # espeakRATE, POS_CHARACTER, espeakCHARS_UTF8
_END, _WORD = 0, 1  # espeak_EVENT_TYPE
_BUFFER_MS = 60


class _Id(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # in characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)

Hear = Callable[[Pcm, Sequence[tuple[int, int]]], bool]
"""Gets sound, shape (n,), and words (offset in characters, begin in ms of the whole) that begin in
it. Returns whether to go on."""


@dataclass(slots=True)
class Speech:
    """A text to speak."""

    text: str
    voice: str
    """As espeak names it: `en-us+f2`."""
    words_per_minute: int
    hear: Hear


class Engine:
    """The library, loaded. Made by `engine`."""

    def __init__(self) -> None:
        import espeakng_loader  # noqa: PLC0415 - optional

        data = Path(espeakng_loader.get_data_path())
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise ProviderRefused(_NAME, f"cannot load espeak-ng: {error}") from error
        rate_hz = self._library.espeak_Initialize(
            _SYNCHRONOUS, _BUFFER_MS, str(data.parent).encode(), _DONT_EXIT
        )
        if rate_hz <= 0:
            raise ProviderRefused(_NAME, f"espeak-ng does not start with the data in {str(data)!r}")
        self.rate_hz = Hertz(rate_hz)
        """Rate of its sound."""
        self.languages = frozenset(
            path.name.lower() for path in (data / "lang").rglob("*") if path.is_file()
        )
        """The languages it speaks: `en-us`, `de`."""
        self.variants = frozenset(path.name.lower() for path in (data / "voices" / "!v").iterdir())
        """The kinds of throat: `f2`, `croak`."""
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
            ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self._callback = _Callback(self._hear)  # kept: the library does not own it
        self._library.espeak_SetSynthCallback(self._callback)
        self._hearer: Hear | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="espeak")

    def speak(self, speech: Speech) -> "Future[None]":
        """Speak when all before has been spoken; what is heard goes to `speech.hear`, in a thread.

        Raises:
            ProviderRefused: From the future, if there is no such voice.
            ProviderBroken: From the future, if it cannot be spoken.
        """
        return self._worker.submit(self._speak, speech)

    def _speak(self, speech: Speech) -> None:
        if self._library.espeak_SetVoiceByName(speech.voice.encode()):
            raise ProviderRefused(_NAME, f"espeak-ng has no voice {speech.voice!r}")
        self._library.espeak_SetParameter(_RATE, speech.words_per_minute, 0)
        # A zero byte would end the text, half a surrogate pair is no UTF-8: both keep their place.
        data = speech.text.replace("\0", " ").encode(errors="replace")
        self._hearer = speech.hear
        try:
            failed = self._library.espeak_Synth(
                data, len(data) + 1, 0, _CHARACTERS, 0, _UTF8, None, None
            )
        finally:
            self._hearer = None
        if failed:
            raise ProviderBroken(_NAME, f"espeak-ng fails with code {failed}")

    def _hear(self, sound: object, samples: int, events: Sequence[_Event]) -> int:
        words = []
        index = 0
        while (event := events[index]).type != _END:
            if event.type == _WORD:
                words.append((event.text_position - 1, event.audio_position))
            index += 1
        data = ctypes.string_at(sound, samples * 2) if sound and samples > 0 else b""  # type: ignore[arg-type]
        heard = np.frombuffer(data, np.int16)
        return int(self._hearer is None or not self._hearer(heard, words))


@cache
def engine() -> Engine:
    """Load the library, or return it: there is one in a process, and it stays.

    Raises:
        ProviderRefused: If it cannot be loaded.
    """
    return Engine()
