"""Moonshine: English speech to text that keeps up with the speaker, on ordinary processors.

A loaded model follows one speaker at a time, so each worker has its own; the files are mapped into
memory once.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderBroken
from turnwise.providers.listening import Floats, check_language, listen
from turnwise.providers.model_files import ModelFiles
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.worker_threads import PATIENCE_S, Workers
from turnwise.providers.worker_threads import cores as all_cores

if TYPE_CHECKING:
    from moonshine_voice.moonshine_api import Transcript
    from moonshine_voice.transcriber import Stream, Transcriber

SPEC = ProviderSpec(
    kind="stt",
    name="moonshine",
    sentence="Moonshine, English; hears while one speaks, on ordinary processors.",
    quality="good",
    licence="MIT, the English models too; those of other languages are not for commercial use.",
    extra="moonshine",
    modules=("moonshine_voice",),
    model=ModelFiles(
        name="Moonshine Small Streaming, English",
        url="https://download.moonshine.ai/model/small-streaming-en/quantized_26_08_21",
        files=(
            "adapter.ort",
            "cross_kv.ort",
            "decoder_kv.ort",
            "encoder.ort",
            "frontend.model.ort",
            "frontend.weights.ort",
            "streaming_config.json",
            "tokenizer.bin",
        ),
        megabytes=142,
        needed=("tokenizer.bin", "encoder*.ort", "decoder*.ort"),
    ),
)

_CHUNK = LISTENING_HZ // 5
"""Samples that are sent at once: the words are asked for five times a second."""
_OPTIONS = {
    "return_audio_data": "false",  # the sound would come back as a list with each answer
    "transcription_interval": "0.2",
    "log_output_text": "false",
}


class Moonshine:
    """Transcribes one language."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        path: Path | None = None,
        language: str = "en",
        arch: str = "",
        workers: int | None = None,
        patience_s: float = PATIENCE_S,
        cores: int | None = None,
    ) -> None:
        """Begin to load the model, in the background.

        Args:
            path: Folder of the model; None: where `turnwise download` puts it.
            language: What the model is for, ISO 639-1.
            arch: Moonshine's name of its size, for one that does not stream: `tiny` or `base`.
            workers: Speakers heard at once; None: one for each processor, two at least.
            patience_s: Longest time for which an utterance waits for a free worker.
            cores: Processors that are for it; None: all of the machine.

        Raises:
            ProviderRefused: If the package or the model is missing.
        """
        SPEC.check_installed()
        folder = SPEC.model_in(path)
        self._language = language
        self._workers: Workers[_Engine] = Workers(
            SPEC.full_name,
            lambda: _load(folder, arch),
            count=workers or max(2, cores or all_cores()),
            shared=False,
            patience_s=patience_s,
        )

    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield tentative words whenever they change, and the final ones.

        Raises:
            ProviderRefused: If the language is another one, or the model cannot be loaded.
            ProviderUnavailable: If no worker is free in time.
            ProviderTimeout, ProviderBroken: If the engine does not answer.
        """
        check_language(SPEC.full_name, options.language, self._language)
        told = listen(
            self._workers, lambda engine: _Listener(engine, options.keywords), utterance, _CHUNK
        )
        async with aclosing(told) as words:
            async for each in words:
                yield each

    async def aclose(self) -> None:
        """End the workers; utterances that go on fail."""
        await self._workers.aclose()


@dataclass(frozen=True, slots=True)
class _Engine:
    transcriber: "Transcriber"
    takes_keywords: bool


def _load(folder: Path, arch: str) -> _Engine:
    from moonshine_voice.moonshine_api import ModelArch, string_to_model_arch  # noqa: PLC0415
    from moonshine_voice.transcriber import Transcriber  # noqa: PLC0415 - optional, and heavy

    streams = (folder / "streaming_config.json").is_file()
    # all that stream are loaded alike: their file says how large they are
    size = ModelArch.SMALL_STREAMING if streams else string_to_model_arch(arch or "tiny")
    return _Engine(Transcriber(folder, size, options=_OPTIONS), takes_keywords=streams)


class _Listener:
    """One utterance, in a worker's thread."""

    def __init__(self, engine: _Engine, keywords: Sequence[str]) -> None:
        if engine.takes_keywords:
            engine.transcriber.set_keyterms([word for word in keywords if "," not in word])
        # words are asked for here, never by the stream itself
        self._stream: Stream = engine.transcriber.create_stream(update_interval=float("inf"))
        self._stream.start()

    def hear(self, sound: Floats) -> str:
        """Take the next sound and return the words so far."""
        self._stream.add_audio(sound, LISTENING_HZ)
        return _text(self._stream.update_transcription())

    def finish(self) -> str:
        """Return all words."""
        transcript = self._stream.stop()
        if transcript is None:
            raise ProviderBroken(SPEC.full_name, "the end of an utterance cannot be transcribed")
        return _text(transcript)

    def close(self) -> None:
        """Forget the utterance."""
        self._stream.close()


def _text(transcript: "Transcript") -> str:
    """Return the words of all lines: the library begins a new one after a pause."""
    return " ".join(line.text.strip() for line in transcript.lines if line.text.strip())
