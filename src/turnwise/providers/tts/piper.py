"""Piper: a quick, clear voice in the language of its model, on small machines too.

It speaks a sentence as a whole. A model with alignments tells when each word begins.
"""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from turnwise.audio.pcm import silence
from turnwise.base.errors import ProviderRefused
from turnwise.base.units import Hertz
from turnwise.providers.listening import check_language
from turnwise.providers.model_files import ModelFiles
from turnwise.providers.ports import SoundPiece, Voice, VoiceOptions
from turnwise.providers.sentence_speech import Spoken, speak_sentences, steady_choice
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.worker_threads import PATIENCE_S, Workers

if TYPE_CHECKING:
    from piper import AudioChunk, PiperVoice

SPEC = ProviderSpec(
    kind="tts",
    name="piper",
    sentence="Piper, quick voices in many languages; one model is one voice and language.",
    quality="good",
    licence="GPL-3.0-or-later, and so is what you distribute together with it; each voice has a"
    " licence of its own in its MODEL_CARD.",
    extra="piper",
    modules=("piper",),
    model=ModelFiles(
        name="LJ Speech medium, English",
        url="https://huggingface.co/rhasspy/piper-voices/resolve/main/en/en_US/ljspeech/medium",
        files=("en_US-ljspeech-medium.onnx", "en_US-ljspeech-medium.onnx.json", "MODEL_CARD"),
        megabytes=64,
        needed=("*.onnx", "*.onnx.json"),
    ),
)


class Piper:
    """Speaks with one model."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        path: Path | None = None,
        voice: str = "",
        workers: int = 2,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Begin to load the model, in the background.

        Args:
            path: Folder with the model, `*.onnx` and `*.onnx.json`; None: where `turnwise download`
                puts it.
            voice: Which model, if there are several: `en_US-ljspeech-medium`; empty: the first.
            workers: Sentences spoken at once.
            patience_s: Longest time for which a sentence waits for a free worker.

        Raises:
            ProviderRefused: If the package or the model is missing, or cannot be read.
        """
        SPEC.check_installed()
        folder = SPEC.model_in(path)
        file = folder / f"{voice}.onnx" if voice else min(folder.glob("*.onnx"))
        try:
            told = json.loads(Path(f"{file}.json").read_text(encoding="utf-8"))
            self.rate_hz = Hertz(int(told["audio"]["sample_rate"]))
            self._language = str(told["espeak"]["voice"]).partition("-")[0]
            self._speakers = tuple(told.get("speaker_id_map") or ())
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"the model {file.name} cannot be used: {type(error).__name__}: {error}"
            raise ProviderRefused(SPEC.full_name, reason) from error
        self._name = file.stem
        self._workers: Workers[PiperVoice] = Workers(
            SPEC.full_name, lambda: _load(file), count=workers, patience_s=patience_s
        )

    async def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        """Yield sound sentence by sentence, in pieces of whole words.

        A voice is one of the model's speakers; any other name always stands for the same one.

        Raises:
            ProviderRefused: If it does not speak the language, or the model cannot be loaded.
            ProviderUnavailable: If no worker is free in time.
            ProviderTimeout, ProviderBroken: If the engine does not answer.
        """
        check_language(SPEC.full_name, options.language, self._language)

        def speak(model: "PiperVoice", sentence: str) -> Spoken:
            return _speak(model, sentence, options)

        told = speak_sentences(self._workers, text, self.rate_hz, speak)
        async with aclosing(told) as pieces:
            async for piece in pieces:
                yield piece

    async def voices(self) -> Sequence[Voice]:
        """Return the speakers of the model, or the one that it is."""
        names = self._speakers or (self._name,)
        return [Voice(voice_id=each, name=each, language=self._language) for each in names]

    async def aclose(self) -> None:
        """End the workers; speech that goes on fails."""
        await self._workers.aclose()


def _load(file: Path) -> "PiperVoice":
    from piper import PiperVoice  # noqa: PLC0415 - optional, and heavy

    return PiperVoice.load(file)


def _speak(model: "PiperVoice", sentence: str, options: VoiceOptions) -> Spoken:
    from piper import SynthesisConfig  # noqa: PLC0415 - optional, and heavy

    # a zero byte would end the text, half a surrogate pair is no UTF-8, and what stands between
    # double brackets is taken for phonemes
    text = sentence.replace("\0", " ").replace("[[", "[ [").encode(errors="replace").decode()
    how = SynthesisConfig(
        speaker_id=_speaker(model, options.voice),
        length_scale=model.config.length_scale / options.speed,
    )
    chunks = list(model.synthesize(text, how, include_alignments=True))
    sound = [silence(0), *(np.asarray(each.audio_int16_array, np.int16) for each in chunks)]
    return Spoken(np.concatenate(sound), _word_starts_ms(chunks))


def _speaker(model: "PiperVoice", voice: str) -> int | None:
    """Return the number of a speaker; None: the model has one, or its default is meant."""
    speakers = model.config.speaker_id_map
    if not speakers or not voice:
        return None
    number: int = speakers[voice if voice in speakers else steady_choice(voice, sorted(speakers))]
    return number


def _word_starts_ms(chunks: "list[AudioChunk]") -> list[int]:
    """Return when words begin; empty: the model does not tell."""
    starts: list[int] = []
    samples = 0
    for chunk in chunks:
        at, begins = samples, True
        for each in chunk.phoneme_alignments or ():
            pause = each.phoneme in {" ", "^", "$"}  # the last two: begin and end
            if begins and not pause:
                starts.append(1000 * at // chunk.sample_rate)
            begins = pause
            at += int(each.num_samples)
        samples += len(chunk.audio_int16_array)
    return starts
