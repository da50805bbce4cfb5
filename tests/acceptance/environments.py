"""Others' clients, from their published packages, each in a virtual environment of its own.

An environment is made once and kept beside the tests, out of git's sight; `uv` makes it, because
pip takes minutes for what these packages bring along.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
HOW_TO = HERE.parents[1] / "docs" / "how-to"
INSTALL_S = 240

Json = dict[str, Any]


class Environment:
    """A Python with a client in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(
        self,
        script: str,
        order: Json,
        at: Path,
        environ: Mapping[str, str] | None = None,
        limit_s: float = 150,
    ) -> Json:
        """Run a script of `clients/` and return what it wrote down.

        Args:
            script: Its name, without `.py`.
            order: What it is to do; it finds this as JSON in the file that is its argument.
            at: Where it works; it leaves `report.json` there.
            environ: Further variables; a value of "" leaves a variable out.
            limit_s: Longest run.
        """
        told = at / "order.json"
        told.write_text(json.dumps(order), encoding="utf-8")
        # a kept environment is compiled on first use
        wanted = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environ or {})}
        done = subprocess.run(
            [str(self.python), str(CLIENTS / f"{script}.py"), str(told)],
            cwd=at,
            env={name: value for name, value in wanted.items() if value},
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=limit_s,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        report: Json = json.loads((at / "report.json").read_text(encoding="utf-8"))
        return {**report, "printed": done.stdout, "complained": done.stderr}


def installed(name: str, packages: Sequence[str], beside: Mapping[str, str] | None = None) -> Path:
    """Make the environment of a client, once; return its folder.

    Args:
        name: Of the client.
        packages: Requirements.
        beside: Other versions without what they require, by the folder they go to.
    """
    folder = HERE / f".venv-{name}"
    folder.mkdir(exist_ok=True)
    wanted = json.dumps([list(packages), dict(beside or {})])
    with (folder / ".turnwise-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / ".turnwise-ready"
        if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
            return folder
        try:
            _install(folder, packages, beside or {})
        except (subprocess.SubprocessError, OSError) as error:
            told = getattr(error, "stderr", None) or b""
            reason = f"{name} cannot be installed: {error} {told.decode()[-500:]}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        ready.write_text(wanted, encoding="utf-8")
    return folder


def _install(folder: Path, packages: Sequence[str], beside: Mapping[str, str]) -> None:
    def uv(*words: str) -> None:
        command = [sys.executable, "-m", "uv", *words, "--quiet"]
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)

    uv("venv", "--allow-existing", "--python", sys.executable, str(folder))
    python = str(Environment(folder).python)
    uv("pip", "install", "--python", python, *packages)
    for place, package in beside.items():
        target = str(folder / place)
        uv("pip", "install", "--python", python, "--no-deps", "--target", target, package)


def snippets(page: str, kind: str = "python") -> list[str]:
    """What a how-to page shows under a kind of code, in order."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{re.escape(kind)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
