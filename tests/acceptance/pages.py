"""A page in Debian's Chromium: what a test has done to it, and what came of it."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acceptance.house import LIMIT_S

Json = dict[str, Any]

JS = Path(__file__).with_name("js")
CHROMIUM = shutil.which("chromium")

PHONE: Json = {"viewport": {"width": 390, "height": 844}, "hasTouch": True, "isMobile": True}
"""The screen of a usual phone."""


@dataclass(frozen=True)
class Visit:
    """What happened on a page."""

    read: list[Any]
    """What the steps `read` found, in order."""
    violations: list[Any]
    """Rules of accessibility that were broken where a step `axe` looked."""
    console: list[str]
    """Errors and warnings, those of the content security policy among them."""
    outside: list[str]
    """Requests to other machines."""
    requests: int

    def was_clean(self) -> None:
        """Assert that nothing went wrong and nothing was asked of others."""
        assert self.requests > 0
        assert (self.outside, self.console, self.violations) == ([], [], [])


@dataclass
class Browser:
    """Opens pages."""

    folder: Path
    """For its scripts, and for the picture of a page on which a step failed."""
    context: Json = field(default_factory=dict)
    """Of Playwright: viewport, colour scheme, …"""
    microphone: Path | bool = True
    """What it hears; True: beeps; False: the user refuses it."""

    def visit(self, *steps: Json) -> Visit:
        """Do what `js/pages.mjs` calls steps."""
        script = self.folder / "visit.json"
        heard = str(self.microphone) if isinstance(self.microphone, Path) else ""
        order = {
            "steps": steps,
            "context": self.context,
            "microphone": None if self.microphone is False else heard,
            "chromium": CHROMIUM,
            "patience_ms": int(LIMIT_S * 1_000),
            "screenshot": str(self.folder / "failed.png"),
        }
        script.write_text(json.dumps(order))
        done = subprocess.run(
            ["node", "pages.mjs", str(script)],
            cwd=JS,
            check=False,
            capture_output=True,
            timeout=4 * LIMIT_S,
        )
        assert done.returncode == 0, done.stderr.decode()
        log: Json = json.loads(done.stdout)
        failure = log.pop("failure")
        assert failure is None, f"{failure}\n{log}"
        return Visit(**log)


def needs_chromium() -> None:
    """Skip a test where there is no Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is missing: apt-get install chromium")


def texts(selector: str) -> Json:
    """Read the text of all elements that a selector finds."""
    return {"read": f"[...document.querySelectorAll({selector!r})].map((e) => e.textContent)"}


def until(selector: str, count: int = 1) -> Json:
    """Wait until a selector finds so many visible elements."""
    found = f"[...document.querySelectorAll({selector!r})]"
    return {"wait": f"{found}.filter((e) => e.checkVisibility()).length >= {count}"}
