"""A transcriber that hears what it was told to hear. For tests and load."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import ProviderError
from turnwise.base.units import ms_of
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec

SPEC = ProviderSpec(
    kind="stt",
    name="scripted",
    sentence="Hears given texts, one for each utterance.",
    quality="double",
    licence="Part of this package.",
)


class Scripted:
    """Hears one text for each utterance, then nothing."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        texts: Sequence[str] = (),
        ms_per_word: int = 300,
        latency_ms: float = 0.0,
        repeat: bool = False,
        error: ProviderError | None = None,
    ) -> None:
        """Make one.

        Args:
            texts: What the utterances say, in the order in which they begin.
            ms_per_word: Sound after which one more word is told; 0: no tentative words.
            latency_ms: Wait between the end of the sound and the final words.
            repeat: Whether it begins anew after the last text.
            error: What goes wrong at the end of each utterance; None: nothing.
        """
        self._texts = texts
        self._ms_per_word = ms_per_word
        self._latency_s = latency_ms / 1000
        self._repeat = repeat
        self._error = error
        self.heard_ms: list[int] = []
        """Length of the utterances so far, in the order in which they began."""

    async def transcribe(
        self,
        utterance: AsyncIterator[Pcm],
        options: ListeningOptions,  # noqa: ARG002 - it understands any language
    ) -> AsyncGenerator[Words, None]:
        """Yield more and more words of the text, then all of it."""
        number = len(self.heard_ms)
        self.heard_ms.append(0)
        text = self._text(number)
        words = text.split()
        told = samples = 0
        async for frame in utterance:
            samples += len(frame)
            self.heard_ms[number] = ms_of(samples, LISTENING_HZ)
            due = self.heard_ms[number] // self._ms_per_word if self._ms_per_word else 0
            if told < min(due, len(words)):
                told = min(due, len(words))
                yield Words(" ".join(words[:told]), final=False)
        await asyncio.sleep(self._latency_s)
        if self._error:
            raise self._error
        yield Words(text, final=True)

    async def aclose(self) -> None:
        """Do nothing: it holds nothing."""

    def _text(self, number: int) -> str:
        if self._repeat and self._texts:
            number %= len(self._texts)
        return self._texts[number] if number < len(self._texts) else ""
