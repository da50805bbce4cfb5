import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typing_extensions import override

from turnwise.base.errors import ConfigError
from turnwise.testing.load.usage import MetricsUsage, ProcessUsage, Usage, parse_metrics

TEXT = """\
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{worker="0"} 12.5
process_cpu_seconds_total{worker="1"} 2.5
process_resident_memory_bytes{worker="0"} 1.5e+08
process_resident_memory_bytes{worker="1"} 5e+07
process_open_fds 33
turnwise_live_calls 4
"""


def test_the_processes_of_a_server_are_added_up() -> None:
    assert parse_metrics(TEXT) == Usage(15.0, 200_000_000, 33)


def test_open_files_may_be_unknown() -> None:
    assert parse_metrics(TEXT.replace("process_open_fds", "other")).files is None


@pytest.mark.parametrize("text", ["", "up 1\n", "process_cpu_seconds_total x\n"])
def test_metrics_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="CPU and memory"):
        parse_metrics(text)


class Metrics(BaseHTTPRequestHandler):
    """Tells them to whoever has the key."""

    def do_GET(self) -> None:
        known = self.headers["xi-api-key"] == "sk"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(TEXT.encode())

    @override
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def metrics() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()


def test_metrics_are_asked_for_with_the_key(metrics: str) -> None:
    assert MetricsUsage(metrics, "sk").read() == parse_metrics(TEXT)
    with pytest.raises(ConfigError, match="does not answer"):
        MetricsUsage(metrics, "").read()


def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not answer"):
        MetricsUsage("http://127.0.0.1:9/metrics", "").read()


def test_a_process_is_watched_with_its_children() -> None:
    pytest.importorskip("psutil")
    usage = ProcessUsage(os.getpid()).read()
    assert usage.cpu_s > 0
    assert usage.memory > 10_000_000
    assert usage.files


def test_a_process_that_is_not_there_is_refused() -> None:
    pytest.importorskip("psutil")
    for pid in (-1, 2**22 + 1):
        with pytest.raises(ConfigError, match="no process"):
            ProcessUsage(pid)
