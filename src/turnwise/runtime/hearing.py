"""From the client's sound to what the engine is told: speech began, went on, stopped; words.

Bytes are decoded, brought to the listening rate, judged frame by frame together with all other
calls, and cut into utterances by the gate. Each utterance is transcribed as a stream of its own,
from a little before its first sound.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from turnwise.audio.formats import AudioFormat
from turnwise.audio.frames import Framer, SampleJoiner
from turnwise.audio.pcm import Pcm
from turnwise.audio.resample import Resampler
from turnwise.audio.speech_gate import GateSettings, Offset, Onset, SpeechGate
from turnwise.base.errors import ProviderError
from turnwise.base.units import ms_of
from turnwise.providers.ports import (
    LISTENING_HZ,
    Frames,
    ListeningOptions,
    SpeechStream,
    Transcriber,
)
from turnwise.runtime.conversation import Tell
from turnwise.runtime.steps import step_of
from turnwise.turns.events import (
    SPEECH_CONTINUED_MS,
    HearingFailed,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
)

PRE_ROLL_MS = 320
"""Sound before the detected onset that belongs to the utterance: first consonants are soft."""
BACKLOG_S = 60
"""Sound that may wait to be judged; a client that sends more faster than it is judged loses it."""
BATCH_FRAMES = 32
"""Frames judged at once: in a burst, what is heard is told about once a second of sound."""
FAILURES = 3
"""Utterances in a row that could not be transcribed, after which hearing has failed for good."""

Utterance = asyncio.Queue[Pcm | None]


@dataclass(slots=True)
class Ears:
    """What hearing is done with."""

    detector: SpeechStream
    frame_samples: int
    transcriber: Transcriber
    options: ListeningOptions
    on_score: Callable[[float], None] | None
    """Told the probability of speech of each frame; None: nobody wants to know."""
    on_sound: Callable[[Pcm], None]
    """Told all sound, at the listening rate, in order (the recording)."""
    on_failure: Callable[[ProviderError], None] = field(default=lambda _: None)
    """Told why an utterance could not be transcribed."""
    gate: GateSettings = field(default_factory=GateSettings)


class Hearing:
    """Hears one user."""

    def __init__(
        self, ears: Ears, audio_format: AudioFormat, tell: Tell, tasks: asyncio.TaskGroup
    ) -> None:
        self._ears = ears
        self._tell = tell
        self._tasks = tasks
        self._joiner = SampleJoiner(audio_format)
        self._resampler = Resampler(audio_format.rate_hz, LISTENING_HZ)
        self._framer = Framer(ears.frame_samples)
        self._gate = SpeechGate(ears.gate)
        frame_ms = ears.gate.frame_ms
        self._pre_roll: deque[Pcm] = deque(maxlen=max(1, PRE_ROLL_MS // frame_ms))
        self._continued_frames = max(1, SPEECH_CONTINUED_MS // frame_ms)
        self._frames_since_told = 0
        self._backlog = 0
        self._told = step_of(tasks, self._judged)
        self._stopped = False
        self._utterance: Utterance | None = None
        self._unsaid: list[Pcm] = []  # frames of it that the transcriber has not
        self._segment = 0
        self._transcribing: set[asyncio.Task[None]] = set()
        self._failures = 0
        self.lost_samples = 0
        """Sound that was thrown away because too much of it came at once."""

    @property
    def unheard_ms(self) -> int:
        """How much sound waits to be judged."""
        return ms_of(self._backlog, LISTENING_HZ)

    def feed(self, data: bytes) -> None:
        """Take in sound as the client sends it: any length, odd tails included. Never blocks."""
        samples = self._resampler.push(self._joiner.push(data))
        if not len(samples) or self._stopped:
            return
        if self._backlog > BACKLOG_S * LISTENING_HZ:
            self.lost_samples += len(samples)
            return
        self._ears.on_sound(samples)
        frames = self._framer.push(samples)
        self._backlog += frames.size
        for first in range(0, len(frames), BATCH_FRAMES):
            batch = frames[first : first + BATCH_FRAMES]
            judging = self._ears.detector.judge(batch)
            judging.add_done_callback(partial(self._told, batch))

    def _judged(self, batch: Frames, judging: "asyncio.Future[list[float]]") -> None:
        """Take in what the detector says; it is asked in order, and answers so."""
        self._backlog -= batch.size
        if self._stopped:
            judging.exception()  # the stream was closed, and nobody cares any more
            return
        for frame, score in zip(batch, judging.result(), strict=True):
            self._take(frame, score)
        self._hand_on()

    def listen(self, options: ListeningOptions) -> None:
        """Transcribe in another way from the next utterance on."""
        self._ears.options = options

    def close_utterance(self) -> None:
        """Take the utterance for over: the engine waits no longer for its sound."""
        self._gate.reset()
        self._end_utterance()

    def stop(self) -> None:
        """Hear and transcribe nothing more."""
        self._stopped = True
        for task in self._transcribing:
            task.cancel()

    def _take(self, frame: Pcm, score: float) -> None:
        if self._ears.on_score is not None:
            self._ears.on_score(score)
        turn = self._gate.push(score)
        if isinstance(turn, Onset):
            self._begin_utterance()
            self._tell(SpeechStarted())
        if self._utterance is not None:
            self._unsaid.append(frame)
            self._go_on()
        else:
            self._pre_roll.append(frame)
        if isinstance(turn, Offset):
            self._tell(SpeechStopped(turn.silence_ms))
            self._end_utterance()

    def _go_on(self) -> None:
        self._frames_since_told += 1
        if self._frames_since_told >= self._continued_frames:
            self._frames_since_told = 0
            self._tell(SpeechContinued())

    def _begin_utterance(self) -> None:
        self._segment += 1
        self._frames_since_told = 0
        utterance: Utterance = asyncio.Queue()
        self._unsaid = [*self._pre_roll]
        self._pre_roll.clear()
        self._utterance = utterance
        task = self._tasks.create_task(self._transcribe(SegmentId(self._segment), utterance))
        self._transcribing.add(task)
        task.add_done_callback(self._transcribing.discard)

    def _hand_on(self) -> None:
        """Give the transcriber what was heard since, at once: each time wakes a task."""
        if self._utterance is not None and self._unsaid:
            self._utterance.put_nowait(np.concatenate(self._unsaid))
            self._unsaid = []

    def _end_utterance(self) -> None:
        if self._utterance is not None:
            self._hand_on()
            self._utterance.put_nowait(None)
            self._utterance = None

    async def _transcribe(self, segment: SegmentId, utterance: Utterance) -> None:
        options = self._ears.options
        try:
            async for words in self._ears.transcriber.transcribe(_sound_of(utterance), options):
                self._tell(Transcribed(segment, words.text, words.final))
        except ProviderError as error:
            self._ears.on_failure(error)
            self._failures += 1
            if self._failures >= FAILURES:
                self._tell(HearingFailed(error.reason))
        else:
            self._failures = 0


async def _sound_of(utterance: Utterance) -> AsyncIterator[Pcm]:
    while (sound := await utterance.get()) is not None:
        yield sound
