"""`turnwise serve --workers 2`: its processes start, share a port and end together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from turnwise.base.errors import ConfigError
from turnwise.cli.workers import FAILED, spread
from turnwise.main import listen
from turnwise.settings import Settings

LATEST_S = 60.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LATEST_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@contextmanager
def serving(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    kept = {name: value for name, value in os.environ.items() if "TURNWISE" not in name}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnwise", "serve", "--workers", "2", "--port", str(port)],
            cwd=folder,
            env=kept | {"TURNWISE_DATA": str(folder / "data")},
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def workers(folder: Path) -> list[int]:
    """Their processes, once both have signed on."""
    roll = folder / "data" / "live" / "roll"
    if not roll.exists():
        return []
    return [int(pid) for pid in np.fromfile(roll, "<i8", 2) if pid]


def started(process: "subprocess.Popen[bytes]", folder: Path, port: int) -> bool:
    assert process.poll() is None, (folder / "log").read_text()
    return len(workers(folder)) == 2 and answers(port)


def lives(pid: int) -> bool:
    with suppress(OSError):
        os.kill(pid, 0)
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_server(tmp_path: Path, how: signal.Signals) -> None:
    port = free_port()
    with serving(tmp_path, port) as process:
        wait_until(lambda: started(process, tmp_path, port), "the start")
        pids = workers(tmp_path)
        process.send_signal(how)
        code = process.wait(LATEST_S)
        assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)
        wait_until(lambda: not any(map(lives, pids)), "the end of the workers")
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_server_whose_workers_cannot_start_ends(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "vault.key").write_text("no key\n")
    with serving(tmp_path, free_port()) as process:
        assert process.wait(LATEST_S) == FAILED
    assert "vault.key should hold one key in each line" in (tmp_path / "log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel spreads connections")
def test_each_worker_has_a_socket_on_the_port_and_nobody_else_gets_one() -> None:
    settings = Settings(port=0)
    with ExitStack() as stack:
        sockets = spread(listen(settings), 3)
        for each in sockets:
            stack.enter_context(closing(each))
        ports = {each.getsockname()[1] for each in sockets}
        assert len(ports) == 1
        with pytest.raises(ConfigError, match="cannot be used"):
            listen(Settings(port=ports.pop()))
