"""Sound of a conversation: microphone, loudspeaker, files, and when the user stopped speaking."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from turnwise.audio.frames import Framer, SampleQueue
from turnwise.audio.pcm import Pcm, silence
from turnwise.audio.resample import Resampler
from turnwise.audio.speech_gate import GateSettings, Offset, Onset, SpeechGate
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz
from turnwise.cli.talk_wav import WavFile, read_wav
from turnwise.minds import PREFERENCE
from turnwise.providers.ports import LISTENING_HZ, SpeechDetector
from turnwise.providers.registry import available, create

CHUNK_MS = 40
"""Sound of the user in one message."""
_LOUD_S = 0.1
"""What a loudspeaker keeps ready."""

_OTHER_WAYS = "use --text, or --input FILE and --output FILE"

Clock = Callable[[], float]


class Source(Protocol):
    """Where the user's sound comes from."""

    def chunks(self, rate_hz: Hertz) -> AsyncIterator[Pcm]:
        """Yield sound in real time, at this rate; silence once there is no more."""


class FileSource:
    """Says what is in a file, then nothing."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            ConfigError: If it cannot be read.
        """
        self._samples, self._rate_hz = read_wav(path)
        self.begin = asyncio.Event()
        """To be set when it is the user's turn; until then the user is silent."""
        self.said = asyncio.Event()
        """Set when all of it was sent."""

    async def chunks(self, rate_hz: Hertz) -> AsyncIterator[Pcm]:
        """Yield the file as fast as a microphone would."""
        resampler = Resampler(self._rate_hz, rate_hz)
        waiting = SampleQueue()
        waiting.push(resampler.push(self._samples))
        waiting.push(resampler.flush())
        loop = asyncio.get_running_loop()
        size = rate_hz * CHUNK_MS // 1000
        due = loop.time()
        while True:
            due += CHUNK_MS / 1000
            await asyncio.sleep(due - loop.time())
            chunk = waiting.take(size if self.begin.is_set() else 0)
            if len(chunk) < size:
                chunk = np.concatenate([chunk, silence(size - len(chunk))])
            yield chunk
            if not waiting:
                self.said.set()


class Microphone:
    """Says what the microphone hears."""

    def __init__(self) -> None:
        """Look for one.

        Raises:
            ConfigError: If there is none.
        """
        self._sounds = _sounddevice()
        self._rate_hz = _default_rate(self._sounds, "input")

    async def chunks(self, rate_hz: Hertz) -> AsyncIterator[Pcm]:
        """Yield what is heard."""
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[Pcm] = asyncio.Queue()
        resampler = Resampler(self._rate_hz, rate_hz)
        framer = Framer(rate_hz * CHUNK_MS // 1000)

        def take(data: Pcm, *_: object) -> None:  # in a thread of the sound library
            loop.call_soon_threadsafe(heard.put_nowait, data[:, 0].copy())

        options = {"samplerate": self._rate_hz, "channels": 1, "dtype": "int16", "callback": take}
        with _usable(self._sounds, "microphone"), self._sounds.InputStream(**options):
            while True:
                for frame in framer.push(resampler.push(await heard.get())):
                    yield frame


class Speaker(Protocol):
    """Where the agent's sound goes."""

    def play(self, samples: Pcm) -> None:
        """Play sound, int16 mono, after all that waits."""

    def drop(self) -> None:
        """Throw away what was not played."""

    def left_s(self) -> float:
        """Return how many seconds of sound wait."""

    def close(self) -> None:
        """Play no more."""


class Track:
    """The agent's sound on the clock of the conversation; into a file if there is one."""

    def __init__(self, path: Path | None, rate_hz: Hertz, clock: Clock) -> None:
        """Begin the clock.

        Raises:
            ConfigError: If the file cannot be written.
        """
        self._file = WavFile(path, rate_hz) if path is not None else None
        self._rate_hz = rate_hz
        self._clock = clock
        self._began = clock()
        self._pieces: list[tuple[int, Pcm]] = []
        self._end = 0

    def play(self, samples: Pcm) -> None:
        """Put sound behind what is playing, or where we are."""
        start = max(self._end, self._now())
        self._end = start + len(samples)
        if self._file is not None:
            self._pieces.append((start, samples))

    def drop(self) -> None:
        """Cut off what is still to be played."""
        now = self._now()
        self._pieces = [(at, piece[: max(0, now - at)]) for at, piece in self._pieces]
        self._end = min(self._end, now)

    def left_s(self) -> float:
        """Return how many seconds of sound are still to be played."""
        return max(0, self._end - self._now()) / self._rate_hz

    def close(self) -> None:
        """Write the file."""
        if self._file is None:
            return
        sound = silence(max(self._end, self._now()))
        for at, piece in self._pieces:
            sound[at : at + len(piece)] = piece
        self._file.write(sound)

    def _now(self) -> int:
        return int((self._clock() - self._began) * self._rate_hz)


class Loudspeaker:
    """Plays what the track takes."""

    def __init__(self, track: Track, rate_hz: Hertz) -> None:
        """Open it.

        Raises:
            ConfigError: If there is none.
        """
        sounds = _sounddevice()
        own_hz = _default_rate(sounds, "output")
        self._track = track
        self._resampler = Resampler(rate_hz, own_hz)
        self._waiting = SampleQueue()
        self._lock = Lock()
        options = {"channels": 1, "dtype": "int16", "latency": _LOUD_S, "callback": self._give}
        with _usable(sounds, "loudspeaker"):
            self._stream = sounds.OutputStream(samplerate=own_hz, **options)
            self._stream.start()

    def play(self, samples: Pcm) -> None:
        """Put sound behind what is playing."""
        self._track.play(samples)
        with self._lock:
            self._waiting.push(self._resampler.push(samples))

    def drop(self) -> None:
        """Be quiet at once."""
        self._track.drop()
        with self._lock:
            self._resampler.flush()
            self._waiting.clear()

    def left_s(self) -> float:
        """Return how many seconds of sound are still to be played."""
        return self._track.left_s()

    def close(self) -> None:
        """Let go of it."""
        self._stream.close()
        self._track.close()

    def _give(self, wanted: Pcm, *_: object) -> None:  # in a thread of the sound library
        with self._lock:
            ready = self._waiting.take(len(wanted))
        wanted[: len(ready), 0] = ready
        wanted[len(ready) :, 0] = 0


class Ear:
    """Notices in the sound that is sent when the user begins and stops to speak."""

    def __init__(self, rate_hz: Hertz) -> None:
        names = {found.full_name for found in available("vad") if found.reason is None}
        name = next(each for each in PREFERENCE["vad"] if f"vad/{each}" in names)
        self._detector: SpeechDetector = create("vad", name)
        self._stream = self._detector.open()
        self._framer = Framer(self._detector.frame_samples)
        self._resampler = Resampler(rate_hz, LISTENING_HZ)
        frame_ms = self._detector.frame_samples * 1000 // LISTENING_HZ
        self._gate = SpeechGate(GateSettings(frame_ms=frame_ms))
        self._rate_hz = rate_hz
        self._taken = 0
        self.quiet = asyncio.Event()
        """Set while the user does not speak, as far as the sound tells."""
        self.quiet.set()
        self.stopped_at: float | None = None
        """When the user last stopped; None: the user has not spoken."""

    async def hear(self, samples: Pcm, now: float) -> Onset | Offset | None:
        """Take sound that ends now; return what it makes sure."""
        self._taken += len(samples)
        frames = self._framer.push(self._resampler.push(samples))
        noticed: Onset | Offset | None = None
        for probability in await self._stream.judge(frames):
            noticed = self._gate.push(probability) or noticed
        if isinstance(noticed, Onset):
            self.quiet.clear()
        elif isinstance(noticed, Offset):
            self.quiet.set()
            end_ms = noticed.at_ms - noticed.silence_ms
            self.stopped_at = now - self._taken / self._rate_hz + end_ms / 1000
        return noticed

    async def aclose(self) -> None:
        """Give the detector back."""
        self._stream.close()
        await self._detector.aclose()


def _sounddevice() -> Any:  # noqa: ANN401 - a package without types
    try:
        import sounddevice  # noqa: PLC0415 - of the extra `talk`; it looks for devices when imported
    except (ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"there is no microphone and loudspeaker ({reason}): pip install 'turnwise[talk]'"
            f" and PortAudio, or {_OTHER_WAYS}"
        ) from error
    return sounddevice


@contextmanager
def _usable(sounds: Any, what: str) -> Iterator[None]:  # noqa: ANN401 - see above
    try:
        yield
    except sounds.PortAudioError as error:
        raise ConfigError(f"the {what} cannot be used ({error}): {_OTHER_WAYS}") from error


def _default_rate(sounds: Any, kind: str) -> Hertz:  # noqa: ANN401 - see above
    device: dict[str, Any] = {}
    with suppress(ValueError, sounds.PortAudioError):
        device = sounds.query_devices(kind=kind)
    if not device:
        what = "microphone" if kind == "input" else "loudspeaker"
        raise ConfigError(
            f"this machine has no {what}, though turnwise[talk] is installed: {_OTHER_WAYS}"
        )
    return Hertz(int(device["default_samplerate"]))
