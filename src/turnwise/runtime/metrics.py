"""What a server tells about itself in figures: how many calls, how late, what failed.

No label says who called, what was said, or which agent it was: each has few values, and they are
known beforehand or counted off here. Where several processes serve, each writes its figures into
files of its own, as prometheus-client does in its multiprocess mode, and whoever is asked adds
them up.
"""

import os
from collections.abc import Iterable, Iterator
from math import inf
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

from turnwise.base.errors import ProviderError
from turnwise.runtime.roll import Roll
from turnwise.turns.metrics import BargeInMetrics, TurnMetrics

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of prometheus-client that names the folder which several processes share."""


def share(folder: Path, worker: int) -> None:
    """Write all figures that this process makes from now on where other processes find them.

    A worker that takes the place of another one goes on with its figures.

    Args:
        folder: Of all processes; made where there is none.
        worker: The number of this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[SHARED_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]


_SUM: Final = "livesum"
_STAGES_S = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 1.5, 2, 3, 5, 10)
_LAGS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 5)
_TICKS_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_FRAMES = (1, 2, 4, 8, 16, 32, 48, 64)
_MOST_NAMES = 50
"""Providers that are told apart; agents may name models that nobody has heard of."""


class Metrics:
    """The figures of this process, and of all where several serve."""

    def __init__(self, worker: int = 0) -> None:
        """Count from nothing.

        Args:
            worker: The number of this process.
        """
        self._worker = str(worker)
        self._names: set[str] = set()
        self._own = own = CollectorRegistry()
        self._calls = Counter("turnwise_calls", "Calls that were begun.", registry=own)
        self._live = self._gauge("turnwise_live_calls", "Calls that go on.")
        self._capacity = self._gauge(
            "turnwise_capacity_calls", "Calls that this worker has learned to carry; +Inf: no end."
        )
        self._recent = self._gauge(
            "turnwise_loop_lag_recent_seconds",
            "Lag of the event loop that nine of ten looks of the last two seconds did not exceed.",
        )
        self._queued = self._gauge(
            "turnwise_queue_depth",
            "What waits in all calls: events that engines have still to handle.",
            "queue",
        )
        self._unheard = self._gauge(
            "turnwise_unheard_sound_seconds", "Sound of all users that waits to be judged."
        )
        self._count(own)

    def _count(self, own: CollectorRegistry) -> None:
        self._lag = Histogram(
            "turnwise_loop_lag_seconds",
            "How late a timer of the event loop came, ten times a second.",
            buckets=_LAGS_S,
            registry=own,
        )
        self._stages = Histogram(
            "turnwise_stage_seconds",
            "How long the stages of turns took, on the caller's clock.",
            ["stage"],
            buckets=_STAGES_S,
            registry=own,
        )
        self._batch = Histogram(
            "turnwise_vad_batch_frames",
            "Frames that the speech detector judged together.",
            buckets=_FRAMES,
            registry=own,
        )
        self._tick = Histogram(
            "turnwise_vad_tick_seconds", "How long that took.", buckets=_TICKS_S, registry=own
        )
        self._failures = Counter(
            "turnwise_provider_errors",
            "What providers failed to do.",
            ["provider", "kind"],
            registry=own,
        )
        self._answers = Counter(
            "turnwise_requests", "Requests that were answered.", ["status"], registry=own
        )
        self._refusals = Counter(
            "turnwise_refused_calls", "Calls that were refused.", ["reason"], registry=own
        )

    def _gauge(self, name: str, sentence: str, *labels: str) -> Gauge:
        return Gauge(
            name, sentence, ["worker", *labels], multiprocess_mode=_SUM, registry=self._own
        )

    def registry(self, roll: Roll) -> CollectorRegistry:
        """Return what is to be told: of all processes that are on a roll."""
        shared = os.environ.get(SHARED_FOLDER)
        registry = CollectorRegistry() if shared else self._own
        if shared:
            MultiProcessCollector(registry, shared)  # type: ignore[no-untyped-call]
        registry.register(Processes(roll))
        return registry

    # --- what happens -------------------------------------------------------------------------

    def begun(self) -> None:
        """Note that a call began."""
        self._calls.inc()

    def refused(self, reason: str) -> None:
        """Note that a call was refused."""
        self._refusals.labels(reason).inc()

    def answered(self, status: int) -> None:
        """Note that a request was answered."""
        self._answers.labels(str(status)).inc()

    def turn(self, turn: TurnMetrics) -> None:
        """Note a turn that is over."""
        for stage, ms in (
            ("endpointing", turn.endpointing_ms),
            ("first_token", turn.model_ms),
            ("first_sentence", turn.sentence_ms),
            ("first_sound", turn.voice_ms),
            ("response", turn.response_ms),
        ):
            if ms is not None:
                self._stages.labels(stage).observe(ms / 1000)

    def barge_in(self, barge_in: BargeInMetrics) -> None:
        """Note that the user spoke over the agent."""
        self._stages.labels("interruption").observe(barge_in.latency_ms / 1000)

    def failure(self, error: ProviderError) -> None:
        """Note what a provider did not do."""
        name = error.provider
        if name not in self._names and len(self._names) >= _MOST_NAMES:
            name = "other"
        self._names.add(name)
        self._failures.labels(name, error.code).inc()

    def batch(self, frames: int, seconds: float) -> None:
        """Note a batch of the speech detector. Comes from its own thread."""
        self._batch.observe(frames)
        self._tick.observe(seconds)

    def late(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._lag.observe(seconds)

    def load(self, *, live: int, capacity: int | None, lag_ms: float) -> None:
        """Note how this process is."""
        self._live.labels(self._worker).set(live)
        self._capacity.labels(self._worker).set(inf if capacity is None else capacity)
        self._recent.labels(self._worker).set(lag_ms / 1000)

    def queues(self, *, events: int, unheard_ms: int) -> None:
        """Note what waits in all calls of this process."""
        self._queued.labels(self._worker, "events").set(events)
        self._unheard.labels(self._worker).set(unheard_ms / 1000)


class Processes(Collector):
    """CPU, memory and files of each process on a roll, as the kernel has them when it is asked."""

    def __init__(self, roll: Roll) -> None:
        self._roll = roll

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield the figures that prometheus-client has of one process, with its number."""
        found: dict[str, Metric] = {}
        for number, pid in self._roll.workers().items():
            for metric in _figures(pid):
                whole = found.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                for sample in metric.samples:
                    labels = {**sample.labels, "worker": str(number)}
                    whole.add_sample(sample.name, labels, sample.value)
        yield from found.values()


def _figures(pid: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
