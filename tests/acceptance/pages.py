"""Pages in Debian's Chromium: what a test has done to one, and what came of it."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from acceptance.house import LIMIT_S
from acceptance.speech import HZ, Sound, at_rate, pause, write_wav

Json = dict[str, Any]

JS = Path(__file__).with_name("js")

PHONE: Json = {"viewport": {"width": 390, "height": 844}, "hasTouch": True, "isMobile": True}
"""The screen of a usual phone."""
NO_SOUND = pause(0.1)
_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript"}
_HERE = re.compile(r"((http|ws)://127\.0\.0\.1[:/]|blob:|data:)")


@dataclass(frozen=True)
class Visit:
    """What happened on a page."""

    read: list[Any]
    """What the steps `read` found, in order."""
    violations: list[Any]
    """Rules of accessibility that were broken where a step `axe` looked."""
    console: list[str]
    """Errors and warnings, those of the content security policy among them."""
    errors: list[str]
    """What was thrown and not caught."""
    requests: list[tuple[str, str]]
    """Methods and addresses."""
    sockets: list[str]
    """Addresses."""

    @property
    def outside(self) -> list[str]:
        """Addresses on other machines."""
        asked = [*(url for _, url in self.requests), *self.sockets]
        return [url for url in asked if not _HERE.match(url)]

    def was_clean(self, but_for: str = "$^") -> None:
        """Assert that nothing went wrong and nothing was asked of others.

        Args:
            but_for: What may stand on the console, as a regular expression; nothing may.
        """
        assert self.requests
        console = [line for line in self.console if not re.search(but_for, line)]
        assert (self.outside, console, self.errors, self.violations) == ([], [], [], [])


class Chromium:
    """One browser for many visits, which is started by the first."""

    def __init__(self, executable: str, folder: Path) -> None:
        """Get ready.

        Args:
            executable: Where it is.
            folder: For what the microphone hears, and for its log.
        """
        self._executable = executable
        self._microphone = folder / "microphone.wav"
        self._log = folder / "chromium.log"
        self._process: subprocess.Popen[str] | None = None

    def do(self, order: Json, sound: Sound) -> Json:
        """Do what `js/browser.mjs` calls an order; return what came of it.

        Args:
            order: The order.
            sound: What the microphone hears, from when the page asks for it.
        """
        write_wav(self._microphone, at_rate(sound, HZ, 48_000), 48_000)
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(json.dumps(order), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            assert answer, self._log.read_text()
        except BaseException:  # a later order must not get this one's answer
            self.close()
            raise
        found: Json = json.loads(answer)
        return found

    def close(self) -> None:
        """End it, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("a") as log:
            return subprocess.Popen(
                ["node", "browser.mjs", self._executable, str(self._microphone)],
                cwd=JS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


@dataclass(frozen=True)
class Browser:
    """Opens pages."""

    chromium: Chromium
    folder: Path
    """For the picture of a page on which a step failed."""

    def visit(
        self,
        *steps: Json,
        context: Json | None = None,
        microphone: Sound | None = NO_SOUND,
    ) -> Visit:
        """Open a window of its own and do what `js/browser.mjs` calls steps.

        Args:
            steps: What is done, in order.
            context: Of Playwright: viewport, colour scheme, …
            microphone: What it hears, at `HZ`; None: the user refuses it.
        """
        order = {
            "steps": steps,
            "context": context or {},
            "may_listen": microphone is not None,
            "patience_ms": int(LIMIT_S * 1_000),
            "limit_ms": int(4 * LIMIT_S * 1_000),
            "screenshot": str(self.folder / "failed.png"),
        }
        log = self.chromium.do(order, NO_SOUND if microphone is None else microphone)
        failure = log.pop("failure")
        assert failure is None, f"{failure}\n{log}"
        log["requests"] = [tuple(each) for each in log["requests"]]
        return Visit(**log)


@pytest.fixture(scope="session")
def chromium(node_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Debian's Chromium, one for all tests of a process."""
    assert node_packages.exists()
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    made = Chromium(executable, tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture
def browser(chromium: Chromium, tmp_path: Path) -> Browser:
    """Opens pages in windows that share nothing with those of other tests."""
    return Browser(chromium, tmp_path)


def texts(selector: str) -> Json:
    """Read the text of all elements that a selector finds."""
    return {"read": f"[...document.querySelectorAll({selector!r})].map((e) => e.textContent)"}


def until(selector: str, count: int = 1) -> Json:
    """Wait until a selector finds so many visible elements."""
    found = f"[...document.querySelectorAll({selector!r})]"
    return {"wait": f"{found}.filter((e) => e.checkVisibility()).length >= {count}"}


@contextmanager
def site(files: Mapping[str, Path]) -> Iterator[str]:
    """Serve files by their paths, from an origin of their own; return its address."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path)
            self.send_response(404 if found is None else 200)
            self.send_header("content-type", _TYPES[found.suffix] if found else "text/plain")
            self.end_headers()
            self.wfile.write(b"" if found is None else found.read_bytes())

        @override
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
