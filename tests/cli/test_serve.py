"""`turnwise serve`, as a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

LATEST_S = 60.0


def environ(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TURNWISE_")}
    return kept | more


def serve(folder: Path, *options: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "turnwise", "serve", *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environ(**{"TURNWISE_DATA": str(folder / "data"), **more}),
        timeout=LATEST_S,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def running(folder: Path, port: int) -> Iterator[float]:
    """A server that answers; its banner is in `banner`. Yields how long it took to start."""
    began = time.monotonic()
    with (folder / "banner").open("w") as banner:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnwise", "serve", "--port", str(port)],
            stdout=banner,
            cwd=folder,
            env=environ(TURNWISE_DATA=str(folder / "data")),
        )
    try:
        while not answers(port):
            assert process.poll() is None, "the server stopped"
            assert time.monotonic() < began + LATEST_S, "the server did not start"
            time.sleep(0.02)
        yield time.monotonic() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_the_first_start_shows_the_key_and_the_second_does_not(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    port = free_port()
    with running(tmp_path, port) as first_s:
        first = (tmp_path / "banner").read_text()
    with running(tmp_path, port) as second_s:
        second = (tmp_path / "banner").read_text()
    record_property("first start in s", round(first_s, 2))
    record_property("second start in s", round(second_s, 2))
    for banner in (first, second):
        assert f"http://127.0.0.1:{port}" in banner
        assert str(tmp_path / "data") in banner
        for engine in ("vad/", "stt/", "llm/", "tts/"):
            assert engine in banner
        assert "try: turnwise talk --text" in banner
    agents = [re.findall(r"agent_\w+", banner) for banner in (first, second)]
    assert agents[0] == agents[1]
    assert len(re.findall(r"sk_[0-9a-f]{48}", first)) == 1
    assert "sk_" not in second
    assert first_s < LATEST_S


@pytest.mark.parametrize(
    ("options", "more", "sentence"),
    [
        (("--port", "70000"), {}, "--port is 70000; it should be a whole number from 0 to 65535"),
        ((), {"TURNWISE_STT": "nobody"}, "stt is 'nobody'; it should be one of"),
        ((), {"TURNWISE_DATA": "/dev/null/x"}, "the data folder /dev/null/x cannot be used"),
        ((), {"TURNWISE_DATABASE_URL": "mysql://x"}, "TURNWISE_DATABASE_URL is (not shown)"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(
    tmp_path: Path, options: tuple[str, ...], more: dict[str, str], sentence: str
) -> None:
    result = serve(tmp_path, *options, **more)
    assert (result.returncode, result.stdout) == (2, ""), result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 1\n", "prot in turnwise.toml is no setting; there are host, port"),
        ("port = \n", "turnwise.toml is not a TOML file"),
        ('port = "many"\n', "port in turnwise.toml is 'many'; it should be a whole number"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "turnwise.toml").write_text(text)
    result = serve(tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert sentence in result.stderr
    assert not (tmp_path / "data").exists()
