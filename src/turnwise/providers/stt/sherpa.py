"""sherpa-onnx: streaming speech to text with any of its online models, in many languages.

One model serves all workers; each follows one utterance.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from turnwise.audio.pcm import Pcm
from turnwise.providers.listening import Floats, check_language, listen
from turnwise.providers.model_files import ModelFiles
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.worker_threads import PATIENCE_S, Workers, cores

if TYPE_CHECKING:
    from sherpa_onnx import OnlineRecognizer, OnlineStream

SPEC = ProviderSpec(
    kind="stt",
    name="sherpa",
    sentence="sherpa-onnx with a streaming model, such as a zipformer; hears while one speaks.",
    quality="good",
    licence="Apache-2.0, the English model too; look at the card of any other model.",
    extra="sherpa",
    modules=("sherpa_onnx",),
    model=ModelFiles(
        name="Streaming Zipformer 2023-06-26, English",
        url="https://huggingface.co/csukuangfj/"
        "sherpa-onnx-streaming-zipformer-en-2023-06-26/resolve/main",
        files=(
            "encoder-epoch-99-avg-1-chunk-16-left-64.int8.onnx",
            "decoder-epoch-99-avg-1-chunk-16-left-64.int8.onnx",
            "joiner-epoch-99-avg-1-chunk-16-left-64.int8.onnx",
            "tokens.txt",
        ),
        megabytes=73,
        needed=("tokens.txt", "*.onnx"),
    ),
)

_CHUNK = LISTENING_HZ // 10
_TAIL = np.zeros(LISTENING_HZ // 2, np.float32)
"""Silence after the last word: the model tells a word only once it has heard what follows."""
_SPEAKERS_PER_CORE = 4


class Sherpa:
    """Transcribes one language."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        path: Path | None = None,
        language: str = "en",
        ctc: Literal["zipformer2", "nemo", "wenet", "t_one"] = "zipformer2",
        workers: int | None = None,
        threads: int = 1,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Begin to load the model, in the background.

        Args:
            path: Folder of the model; None: where `turnwise download` puts it. It holds
                `tokens.txt` and either encoder, decoder and joiner of a transducer, encoder and
                decoder of a Paraformer, or one other file: a CTC model.
            language: What the model is for, ISO 639-1.
            ctc: The family of a CTC model.
            workers: Speakers heard at once; None: four for each processor.
            threads: Threads for one step of one speaker.
            patience_s: Longest time for which an utterance waits for a free worker.

        Raises:
            ProviderRefused: If the package or the model is missing.
        """
        SPEC.check_installed()
        folder = SPEC.model_in(path)
        self._language = language
        self._workers: Workers[OnlineRecognizer] = Workers(
            SPEC.full_name,
            lambda: _load(folder, ctc, threads),
            count=workers or _SPEAKERS_PER_CORE * cores(),
            patience_s=patience_s,
        )

    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield tentative words whenever they change, and the final ones. Keywords change nothing.

        Raises:
            ProviderRefused: If the language is another one, or the model cannot be loaded.
            ProviderUnavailable: If no worker is free in time.
            ProviderTimeout, ProviderBroken: If the engine does not answer.
        """
        check_language(SPEC.full_name, options.language, self._language)
        told = listen(self._workers, _Listener, utterance, _CHUNK)
        async with aclosing(told) as words:
            async for each in words:
                yield each

    async def aclose(self) -> None:
        """End the workers; utterances that go on fail."""
        await self._workers.aclose()


class _Listener:
    """One utterance, in a worker's thread."""

    def __init__(self, engine: "OnlineRecognizer") -> None:
        self._engine = engine
        self._stream: OnlineStream = engine.create_stream()

    def hear(self, sound: Floats) -> str:
        """Take the next sound and return the words so far."""
        self._stream.accept_waveform(LISTENING_HZ, sound)
        return self._words()

    def finish(self) -> str:
        """Return all words."""
        self._stream.accept_waveform(LISTENING_HZ, _TAIL)
        self._stream.input_finished()
        return self._words()

    def close(self) -> None:
        """Do nothing: the stream goes with the last who knows it."""

    def _words(self) -> str:
        while self._engine.is_ready(self._stream):
            self._engine.decode_stream(self._stream)
        text: str = self._engine.get_result(self._stream).strip()
        return text.lower() if text.isupper() else text


def _load(folder: Path, ctc: str, threads: int) -> "OnlineRecognizer":
    from sherpa_onnx import OnlineRecognizer  # noqa: PLC0415 - optional

    told = {"tokens": str(folder / "tokens.txt"), "num_threads": threads}
    parts = {
        name: str(file)
        for name in ("encoder", "decoder", "joiner")
        if (file := _smallest(folder, f"{name}*.onnx"))
    }
    if len(parts) == 3:
        return OnlineRecognizer.from_transducer(**told, **parts)
    if len(parts) == 2:
        return OnlineRecognizer.from_paraformer(**told, **parts)
    model = str(_smallest(folder, "*.onnx"))
    return getattr(OnlineRecognizer, f"from_{ctc}_ctc")(**told, model=model)


def _smallest(folder: Path, pattern: str) -> Path | None:
    """Return the file of a part of the model; of two, the one with shorter numbers."""
    return min(folder.glob(pattern), key=lambda file: file.stat().st_size, default=None)
