"""Kokoro: natural voices in six languages, on ordinary processors.

It speaks a sentence as a whole. Models since v1.1 of the release tell when each word begins.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from turnwise.audio.pcm import silence
from turnwise.base.errors import ProviderRefused
from turnwise.base.units import Hertz
from turnwise.providers.model_files import ModelFiles
from turnwise.providers.ports import SoundPiece, Voice, VoiceOptions
from turnwise.providers.sentence_speech import Spoken, speak_sentences, steady_choice
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.wire_voices import alike
from turnwise.providers.worker_threads import PATIENCE_S, Workers

if TYPE_CHECKING:
    from kokoro_onnx import Kokoro as Model

SPEC = ProviderSpec(
    kind="tts",
    name="kokoro",
    sentence="Kokoro, 54 natural voices; English and five other languages.",
    quality="good",
    licence="MIT, the model Apache-2.0; it brings espeak-ng and phonemizer, which are"
    " GPL-3.0-or-later.",
    extra="kokoro",
    modules=("kokoro_onnx",),
    model=ModelFiles(
        name="Kokoro v1.0",
        url="https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.1",
        files=("kokoro-v1.0.onnx", "voices-v1.0.bin"),
        megabytes=354,
        needed=("*.onnx", "voices*.bin"),
    ),
)

_RATE_HZ = Hertz(24_000)
_SLOWEST, _FASTEST = 0.5, 2.0

_LANGUAGES = {
    "en": ("en-us", "af_heart"),
    "en-us": ("en-us", "af_heart"),
    "en-gb": ("en-gb", "bf_emma"),
    "es": ("es", "ef_dora"),
    "fr": ("fr-fr", "ff_siwis"),
    "hi": ("hi", "hf_alpha"),
    "it": ("it", "if_sara"),
    "pt": ("pt-br", "pf_dora"),
}
"""What espeak calls the language, for how it is pronounced, and the voice that is taken. Japanese
and Chinese would need other means to find out how they are pronounced."""

_CODES = {default[0]: code for code, (_, default) in _LANGUAGES.items() if "-" not in code} | {
    "b": "en",
    "j": "ja",
    "z": "zh",
}
"""The language of a voice, by the first letter of its name."""


class Kokoro:
    """Speaks with any voice of the model."""

    SPEC = SPEC

    def __init__(
        self, *, path: Path | None = None, workers: int = 2, patience_s: float = PATIENCE_S
    ) -> None:
        """Begin to load the model, in the background.

        Args:
            path: Folder with the model, `*.onnx`, and the voices, `voices*.bin`; None: where
                `turnwise download` puts them.
            workers: Sentences spoken at once.
            patience_s: Longest time for which a sentence waits for a free worker.

        Raises:
            ProviderRefused: If the package or the model is missing.
        """
        SPEC.check_installed()
        folder = SPEC.model_in(path)
        self.rate_hz = _RATE_HZ
        self._workers: Workers[Model] = Workers(
            SPEC.full_name, lambda: _load(folder), count=workers, patience_s=patience_s
        )

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield sound sentence by sentence, in pieces of whole words.

        A voice is one of the model's (`af_heart`); any other name always stands for the same one.

        Raises:
            ProviderRefused: If it does not speak the language, or the model cannot be loaded.
            ProviderUnavailable: If no worker is free in time.
            ProviderTimeout, ProviderBroken: If the engine does not answer.
        """
        code = options.language.replace("_", "-").lower()
        known = _LANGUAGES.get(code) or _LANGUAGES.get(code.partition("-")[0])
        if known is None:
            raise ProviderRefused(
                SPEC.full_name, f"Kokoro does not speak the language {options.language!r} here"
            )
        language, default = known
        speed = min(max(options.speed, _SLOWEST), _FASTEST)

        def speak(model: "Model", sentence: str) -> Spoken:
            voice = _voice(model, options.voice, default)
            return _speak(model, sentence, voice, speed, language)

        told = speak_sentences(self._workers, text, self.rate_hz, speak)
        async with aclosing(told) as pieces:
            async for piece in pieces:
                yield piece

    async def voices(self) -> Sequence[Voice]:
        """Return the voices of the model."""
        async with self._workers.take() as worker:
            names = await worker.run(_voice_names)
        return [
            Voice(
                voice_id=name,
                name=name[3:].replace("_", " ").title(),
                language=_CODES.get(name[:1], ""),
                gender="female" if _is_female(name) else "male",
            )
            for name in names
        ]

    async def aclose(self) -> None:
        """End the workers; speech that goes on fails."""
        await self._workers.aclose()


def _load(folder: Path) -> "Model":
    from kokoro_onnx import Kokoro as Model  # noqa: PLC0415 - optional, and heavy

    model, voices = min(folder.glob("*.onnx")), min(folder.glob("voices*.bin"))
    # it would warn of each text whose words are not pronounced one by one
    logging.getLogger("phonemizer").setLevel(logging.ERROR)
    loaded = Model(str(model), str(voices))
    with loaded.voices as file:  # otherwise it stays open, and is read for each sentence
        loaded.voices = dict(file)
    return loaded


def _voice(model: "Model", voice: str, default: str) -> str:
    """Return the name of a voice that the model has: of this language, if another is not named."""
    voices = model.get_voices()
    if voice in voices:
        return voice
    if not voice and default in voices:
        return default
    choices = [each for each in voices if each[:1] == default[:1]] or voices
    female = [each for each in choices if _is_female(each)]
    male = [each for each in choices if not _is_female(each)]
    return steady_choice(voice, alike(voice, female, male))


def _voice_names(model: "Model") -> list[str]:
    return list(model.get_voices())


def _is_female(name: str) -> bool:
    return name[1:2] == "f"


def _speak(model: "Model", sentence: str, voice: str, speed: float, language: str) -> Spoken:
    # half a surrogate pair cannot be pronounced, nor written for whoever finds out how
    phonemes = model.tokenizer.phonemize(sentence.encode(errors="replace").decode(), language)
    phonemes = " ".join(phonemes.split())
    if not phonemes:
        return Spoken(silence(0))
    sound, rate_hz, timings = model.create_timed(phonemes, voice, speed=speed, is_phonemes=True)
    assert rate_hz == _RATE_HZ
    samples = np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    starts = [
        round(1000 * each.start)
        for before, each in zip([None, *timings], timings, strict=False)
        if before is None or before.phoneme == " "
    ]
    return Spoken(samples, starts)
