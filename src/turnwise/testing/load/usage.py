"""What the server takes: CPU and memory, of processes here or from its own `/metrics`."""

import re
from dataclasses import dataclass
from typing import Protocol
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from turnwise.base.errors import ConfigError

_SAMPLE = re.compile(r"^(process_\w+)(?:\{[^}]*\})?\s+(\S+)", re.MULTILINE)
_CPU, _MEMORY, _FILES = (
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
)


@dataclass(frozen=True, slots=True)
class Usage:
    """At one moment, of all processes of the server together."""

    cpu_s: float
    """CPU time since it started."""
    memory: int
    """Resident memory in bytes; what processes share counts for each of them."""
    files: int | None = None
    """Open file descriptors; None: not known."""


class UsageSource(Protocol):
    """Who knows."""

    def read(self) -> Usage:
        """Return what is used now.

        Raises:
            ConfigError: If nobody knows any more.
        """


class ProcessUsage:
    """Of a process of this machine and of its children."""

    def __init__(self, pid: int) -> None:
        """Find it.

        Raises:
            ConfigError: If there is no such process, or psutil is missing.
        """
        try:
            import psutil  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigError("--pid needs psutil: pip install 'turnwise[bench]'") from error
        self._gone: type[Exception] = psutil.Error
        try:
            self._process = psutil.Process(pid)
        except (psutil.Error, ValueError) as error:
            raise ConfigError(f"there is no process {pid}") from error

    def read(self) -> Usage:
        """Return what it uses now.

        Raises:
            ConfigError: If it has ended.
        """
        cpu_s, memory, files = 0.0, 0, 0
        try:
            for process in (self._process, *self._process.children(recursive=True)):
                with process.oneshot():
                    times = process.cpu_times()
                    cpu_s += times.user + times.system
                    memory += process.memory_info().rss
                files += process.num_fds()
        except self._gone as error:
            raise ConfigError(f"the server's process cannot be watched: {error}") from error
        return Usage(cpu_s, memory, files)


class MetricsUsage:
    """Of a server that tells, in Prometheus' text format."""

    def __init__(self, url: str, api_key: str) -> None:
        """Describe it.

        Args:
            url: Of its metrics.
            api_key: Shown to it; empty: none is.
        """
        headers = {"xi-api-key": api_key} if api_key else {}
        self._request = Request(url, headers=headers)  # noqa: S310 - the operator's own
        local = urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
        self._opener = build_opener(ProxyHandler({})) if local else build_opener()

    def read(self) -> Usage:
        """Return what it told; processes are added up.

        Raises:
            ConfigError: If it tells nothing of the kind.
        """
        try:
            with self._opener.open(self._request, timeout=5) as answer:
                text = answer.read().decode("utf-8", "replace")
        except (URLError, OSError) as error:
            raise ConfigError(f"{self._request.full_url} does not answer: {error}") from error
        return parse_metrics(text)


def parse_metrics(text: str) -> Usage:
    """Return what Prometheus' text format says about processes.

    Raises:
        ConfigError: If it says nothing of CPU or memory.
    """
    sums: dict[str, float] = {}
    for name, value in _SAMPLE.findall(text):
        try:
            sums[name] = sums.get(name, 0.0) + float(value)
        except ValueError:
            continue
    if _CPU not in sums or _MEMORY not in sums:
        raise ConfigError("the server's metrics say nothing of its CPU and memory")
    files = sums.get(_FILES)
    return Usage(sums[_CPU], int(sums[_MEMORY]), None if files is None else int(files))
