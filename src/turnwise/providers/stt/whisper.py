"""Whisper by faster-whisper: speech to text in about 100 languages, at the utterance's end.

There are no tentative words: Whisper hears half a minute at a time, and to hear what is not over
yet costs as much again each time.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderRefused
from turnwise.providers.listening import Floats, floats
from turnwise.providers.model_files import ModelFiles
from turnwise.providers.ports import ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.worker_threads import TIMEOUT_S, Workers

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

SPEC = ProviderSpec(
    kind="stt",
    name="whisper",
    sentence="Whisper by faster-whisper, about 100 languages; hears when one has spoken.",
    quality="good",
    licence="MIT, Whisper's models too.",
    extra="whisper",
    modules=("faster_whisper",),
    model=ModelFiles(
        name="Whisper Small, about 100 languages",
        url="https://huggingface.co/Systran/faster-whisper-small/resolve/main",
        files=("config.json", "model.bin", "tokenizer.json", "vocabulary.txt"),
        megabytes=487,
        needed=("config.json", "model.bin", "tokenizer.json", "vocabulary.*"),
    ),
)


class Whisper:
    """Transcribes utterances one by one."""

    SPEC = SPEC

    def __init__(  # noqa: PLR0913 - options of the operator
        self,
        *,
        path: Path | None = None,
        device: str = "auto",
        compute_type: str = "default",
        beam_size: int = 1,
        workers: int = 1,
        threads: int = 0,
        patience_s: float = 10.0,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Begin to load the model, in the background.

        Args:
            path: Folder of the model, in the form of CTranslate2; None: where `turnwise download`
                puts it.
            device: `cpu`, `cuda` or `auto`.
            compute_type: How it calculates: `int8`, `float16`, ...; `default`: as it is stored.
            beam_size: Guesses that are followed; more are slower and a little better.
            workers: Utterances transcribed at once.
            threads: Threads for each of them on a processor; 0: four.
            patience_s: Longest time for which an utterance waits for a free worker.
            timeout_s: Longest time for an utterance, loading included.

        Raises:
            ProviderRefused: If the package or the model is missing.
        """
        SPEC.check_installed()
        folder = SPEC.model_in(path)
        self._beam_size = beam_size

        def load() -> "WhisperModel":
            from faster_whisper import WhisperModel  # noqa: PLC0415 - optional, and heavy

            return WhisperModel(
                str(folder),
                device=device,
                compute_type=compute_type,
                cpu_threads=threads,
                num_workers=workers,
                local_files_only=True,
            )

        self._workers: Workers[WhisperModel] = Workers(
            SPEC.full_name, load, count=workers, patience_s=patience_s, timeout_s=timeout_s
        )

    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield the final words.

        Raises:
            ProviderRefused: If the model does not know the language, or cannot be loaded.
            ProviderUnavailable: If no worker is free in time.
            ProviderTimeout, ProviderBroken: If the engine does not answer.
        """
        frames = [frame async for frame in utterance]
        if not frames:
            yield Words("", final=True)
            return
        sound = floats(np.concatenate(frames))
        async with self._workers.take() as worker:
            text = await worker.run(lambda engine: self._hear(engine, sound, options))
        yield Words(text, final=True)

    async def aclose(self) -> None:
        """End the workers; utterances that go on fail."""
        await self._workers.aclose()

    def _hear(self, engine: "WhisperModel", sound: Floats, options: ListeningOptions) -> str:
        language = options.language.replace("_", "-").partition("-")[0].lower()
        if language not in engine.supported_languages:
            raise ProviderRefused(
                SPEC.full_name, f"this model does not know the language {options.language!r}"
            )
        segments, _ = engine.transcribe(
            sound,
            language=language,
            beam_size=self._beam_size,
            hotwords=", ".join(options.keywords) or None,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(text for each in segments if (text := each.text.strip()))
