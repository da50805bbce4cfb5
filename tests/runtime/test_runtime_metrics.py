import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from turnwise.base.errors import ProviderRefused, ProviderTimeout
from turnwise.runtime.metrics import Metrics
from turnwise.runtime.roll import Roll
from turnwise.turns.events import ReplyId
from turnwise.turns.metrics import BargeInMetrics, TurnMetrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(worker=3)


@pytest.fixture
def told(metrics: Metrics) -> CollectorRegistry:
    return metrics.registry(Roll(3))


def test_the_stages_of_a_turn(metrics: Metrics, told: CollectorRegistry) -> None:
    turn = TurnMetrics(
        ReplyId(1),
        speech_ended=1_000,
        taken=1_500,
        asked=1_400,
        first_token=1_700,
        first_sentence=1_900,
        first_sound=2_000,
    )
    metrics.turn(turn)
    metrics.turn(TurnMetrics(ReplyId(2), speech_ended=None, taken=5_000, asked=5_000))  # typed
    metrics.barge_in(BargeInMetrics(onset=100, quiet=350, confirmed=True))
    sums = {
        "endpointing": 0.5,
        "first_token": 0.3,
        "first_sentence": 0.5,
        "first_sound": 0.3,
        "response": 1.0,
        "interruption": 0.25,
    }
    for stage, seconds in sums.items():
        labels = {"stage": stage}
        assert told.get_sample_value("turnwise_stage_seconds_count", labels) == 1
        found = told.get_sample_value("turnwise_stage_seconds_sum", labels)
        assert found == pytest.approx(seconds)


def test_failures_of_providers_by_who_and_how(metrics: Metrics, told: CollectorRegistry) -> None:
    metrics.failure(ProviderTimeout("llm/openai", "no word"))
    metrics.failure(ProviderTimeout("llm/openai", "no word"))
    metrics.failure(ProviderRefused("stt/acme", "who are you", status=401))
    for provider, kind, count in [
        ("llm/openai", "provider_timeout", 2),
        ("stt/acme", "provider_refused", 1),
    ]:
        labels = {"provider": provider, "kind": kind}
        assert told.get_sample_value("turnwise_provider_errors_total", labels) == count


def test_names_that_agents_make_up_do_not_fill_the_memory(
    metrics: Metrics, told: CollectorRegistry
) -> None:
    for number in range(1_000):
        metrics.failure(ProviderTimeout(f"model-{number}", "no word"))
    family = next(each for each in told.collect() if each.name == "turnwise_provider_errors")
    names = {sample.labels["provider"]: sample.value for sample in family.samples}
    assert len(names) < 110  # each with the time of its birth
    other = {"provider": "other", "kind": "provider_timeout"}
    assert told.get_sample_value("turnwise_provider_errors_total", other) == 950


def test_batches_and_answers(metrics: Metrics, told: CollectorRegistry) -> None:
    metrics.batch(40, 0.0006)
    metrics.batch(1, 0.0001)
    metrics.answered(200)
    metrics.answered(404)
    assert told.get_sample_value("turnwise_vad_batch_frames_sum") == 41
    assert told.get_sample_value("turnwise_vad_batch_frames_bucket", {"le": "1.0"}) == 1
    assert told.get_sample_value("turnwise_vad_tick_seconds_count") == 2
    assert told.get_sample_value("turnwise_requests_total", {"status": "404"}) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_that_is_on_the_roll(told: CollectorRegistry) -> None:
    labels = {"worker": "3"}
    assert (told.get_sample_value("process_resident_memory_bytes", labels) or 0) > 1_000_000
    assert (told.get_sample_value("process_cpu_seconds_total", labels) or 0) > 0
    assert (told.get_sample_value("process_open_fds", labels) or 0) > 2
    assert b"# TYPE process_cpu_seconds_total counter" in generate_latest(told)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_page_names_every_figure_and_no_other(told: CollectorRegistry) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "operate.md"
    text = page.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `((?:turnwise|process)_\w+)` \|", text, re.MULTILINE)
    known = {
        f"{each.name}_total" if each.type == "counter" else each.name for each in told.collect()
    }
    assert set(rows) == known


WORKER = """
import sys
from pathlib import Path
from turnwise.runtime.metrics import Metrics, share
from turnwise.runtime.roll import Roll
folder, number, calls = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
share(folder / "figures", number)
metrics, roll = Metrics(number), Roll(number, folder / "roll")
registry = metrics.registry(roll)
for _ in range(calls):
    metrics.begun()
    metrics.batch(8, 0.001)
metrics.load(live=calls, capacity=None, lag_ms=2.0)
from prometheus_client.exposition import generate_latest
sys.stdout.buffer.write(generate_latest(registry))
roll.close()
"""


def test_processes_tell_the_figures_of_all(tmp_path: Path) -> None:
    def worker(number: int, calls: int) -> dict[str, dict[str, float]]:
        kept = {name: value for name, value in os.environ.items() if "PROMETHEUS" not in name}
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(tmp_path), str(number), str(calls)],
            check=True,
            capture_output=True,
            text=True,
            env=kept,
        )
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(done.stdout):
            for sample in family.samples:
                found.setdefault(sample.name, {})[sample.labels.get("worker", "")] = sample.value
        return found

    worker(0, 5)
    worker(1, 3)
    found = worker(0, 2)  # took the place of the first
    assert found["turnwise_calls_total"] == {"": 10}
    assert found["turnwise_vad_batch_frames_sum"] == {"": 80}
    assert found["turnwise_live_calls"] == {"0": 2, "1": 3}
    assert found["turnwise_capacity_calls"] == {"0": float("inf"), "1": float("inf")}
