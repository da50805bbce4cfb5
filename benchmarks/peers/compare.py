"""The same work through Turnwise, LiveKit Agents and Pipecat, one after the other, on one core.

    python benchmarks/peers/compare.py [--hold 8] [--only turnwise livekit pipecat] [--write]

Makes an environment for each of the others beside this file when it is first run (a minute or two,
and about 1 GB). Each framework gets more and more calls until their users feel it; a table of what
each held, at what cost, is printed, and with --write put into `docs/benchmarks.md`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from ladder import Plain, climb, held, line, why_not_held  # noqa: E402 - found by the line above
from served import cores, serve_turnwise, served  # noqa: E402

ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
CALLS = [1, 50, 100, 150, 200, 250, 300]
NONE = "-"
FIRST_S = 60.0
"""How much longer than its load a framework may take to start and to end."""


@dataclass(frozen=True)
class Peer:
    name: str
    module: str
    """Under `peers`."""
    package: str
    """Whose version is shown."""
    requirements: tuple[str, ...]
    calls: tuple[int, ...]
    opened_a_second: float
    """Calls; to open one must not keep the others from being answered."""

    @property
    def python(self) -> Path:
        return HERE / f".venv-{self.module.partition('_')[0]}" / "bin" / "python"


OURS = ("orjson>=3.10", "pybase64>=1.4", "soxr>=0.5", "typing-extensions>=4.12", "uvloop>=0.21")
"""What the users of `turnwise.testing.load` need."""
LIVEKIT = Peer(
    "LiveKit Agents",
    "livekit_calls",
    "livekit-agents",
    ("livekit-agents==1.8.9", *OURS),
    (1, 10, 25, 50, 75),
    opened_a_second=10,
)
PIPECAT = Peer(
    "Pipecat",
    "pipecat_calls",
    "pipecat-ai",
    ("pipecat-ai[silero]==1.14.0", *OURS),
    (1, 10, 25, 50),
    opened_a_second=3,
)
NAMES = {"turnwise": None, "livekit": LIVEKIT, "pipecat": PIPECAT}


def prepare(peer: Peer) -> None:
    """Make the environment of a framework, where it is not there yet."""
    made = peer.python.parents[1] / "complete"
    wanted = "\n".join(peer.requirements)
    if made.exists() and made.read_text(encoding="utf-8") == wanted:
        return
    print(f"making an environment for {peer.name}…", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(made.parent)], check=True)
    install = [str(peer.python), "-m", "pip", "install", "--quiet", *peer.requirements]
    subprocess.run(install, check=True)
    subprocess.run([str(peer.python), "-m", "compileall", "-q", str(made.parent)], check=False)
    made.write_text(wanted, encoding="utf-8")


def version(peer: Peer) -> str:
    code = f"from importlib.metadata import version; print(version({peer.package!r}))"
    told = subprocess.run(
        [str(peer.python), "-c", code], check=True, capture_output=True, text=True
    )
    return told.stdout.strip()


def climb_peer(peer: Peer, core: int, options: argparse.Namespace) -> list[Plain]:
    """Hold one level after the other, each in its own process; the first not held is the last."""
    levels: list[Plain] = []
    for calls in peer.calls:
        levels.append(hold(peer, calls, core, options.hold))
        print(line(levels[-1], levels[0]), flush=True)
        if why_not_held(levels[-1], levels[0]) and not options.go_on:
            break
    return levels


def hold(peer: Peer, calls: int, core: int, hold_s: float) -> Plain:
    ramp_s, hold_s = calls / peer.opened_a_second, 2 * hold_s if calls == 1 else hold_s
    command = [str(peer.python), "-m", f"peers.{peer.module}", f"--calls={calls}", f"--core={core}"]
    command += [f"--ramp={ramp_s}", f"--hold={hold_s}"]
    paths = os.pathsep.join((str(ROOT / "src"), str(HERE.parent)))
    try:
        told = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=ramp_s + hold_s + FIRST_S,
            check=True,
        )
        level: Plain = json.loads(told.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return nothing(calls, "it did not come to an end")
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        print(str(getattr(error, "stderr", error))[-2_000:], file=sys.stderr)
        return nothing(calls, "it broke")
    return level


def nothing(calls: int, why: str) -> Plain:
    spread: dict[str, float | None] = dict.fromkeys(("p50", "p95", "p99", "max"))
    none: dict[str, Any] = {"count": 0, **spread}
    return {
        "calls": calls,
        "response_ms": none,
        "interruption_ms": none,
        "audio": {"hole_ms": none},
        "errors": {why: 1},
        "server": None,
        "client": {"cpu_ms_per_call_s": 0.0, "late_ms": none},
    }


def climb_turnwise(core: int, options: argparse.Namespace) -> list[Plain]:
    with served(serve_turnwise, core, agent=True) as server:
        return climb(server, options.calls, options)


# --- the table -----------------------------------------------------------------------------------

Results = dict[str, list[Plain]]
Cell = Callable[[Plain], str]


def _ms(name: str, rank: str) -> Cell:
    def cell(level: Plain) -> str:
        value = level[name][rank]
        return NONE if value is None else f"{value:,.0f}"

    return cell


def _cost(name: str, digits: int) -> Cell:
    def cell(level: Plain) -> str:
        server = level["server"]
        return NONE if server is None else f"{server[name]:,.{digits}f}"

    return cell


ROWS: Sequence[tuple[str, Cell]] = (
    ("CPU per call-second there, ms", _cost("cpu_ms_per_call_s", 2)),
    ("memory per call there, MB", _cost("memory_mb_per_call", 2)),
    ("answer p50 there, ms", _ms("response_ms", "p50")),
    ("answer p95 there, ms", _ms("response_ms", "p95")),
    ("interruption p50 there, ms", _ms("interruption_ms", "p50")),
    ("interruption p95 there, ms", _ms("interruption_ms", "p95")),
)


def table(results: Results) -> list[str]:
    """Return the table in Markdown: what each framework held, and what that cost."""
    best = {name: held(levels) for name, levels in results.items()}
    lines = [f"| | {' | '.join(results)} |", f"|---|{'---:|' * len(results)}"]

    def row(title: str, cell: Cell) -> None:
        cells = (NONE if level is None else cell(level) for level in best.values())
        lines.append(f"| {title} | {' | '.join(cells)} |")

    row("calls held on one core", lambda level: f"{level['calls']:,}")
    for title, cell in ROWS:
        row(title, cell)
    if common := _common(results):
        at = [
            next(each for each in levels if each["calls"] == common) for levels in results.values()
        ]
        cells = " | ".join(_cost("cpu_ms_per_call_s", 2)(level) for level in at)
        lines.append(f"| CPU per call-second at {common}, ms | {cells} |")
    felt = (_felt(levels) for levels in results.values())
    lines.append(f"| what the next level's users felt | {' | '.join(felt)} |")
    return lines


def _common(results: Results) -> int:
    """Return the highest level at which all gave answers; 0: there is none."""
    tried = [
        {level["calls"] for level in levels if level["response_ms"]["count"] >= level["calls"]}
        for levels in results.values()
    ]
    return max(set.intersection(*tried), default=0)


def _felt(levels: list[Plain]) -> str:
    best = held(levels)
    more = levels if best is None else levels[levels.index(best) + 1 :]
    return f"{more[0]['calls']}: {why_not_held(more[0], levels[0])}" if more else "not tried"


def ratios(results: Results) -> list[str]:
    """Return how many times as many calls the first one held, and at which share of the CPU."""
    (name, levels), *others = results.items()
    ours, lines = held(levels), list[str]()
    for other, their_levels in others:
        theirs = held(their_levels)
        if ours is None or theirs is None or not ours["server"] or not theirs["server"]:
            continue
        calls = ours["calls"] / theirs["calls"]
        cpu = theirs["server"]["cpu_ms_per_call_s"] / ours["server"]["cpu_ms_per_call_s"]
        lines.append(
            f"- {name} held {calls:.1f} x the calls of {other}, at 1/{cpu:.1f} of the CPU."
        )
    return lines


def machine() -> str:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((each.partition(":")[2].strip() for each in info if "model name" in each), "?")
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}"


def report(results: Results, versions: dict[str, str], options: argparse.Namespace) -> str:
    said = ", ".join(f"{name} {number}" for name, number in versions.items())
    when = datetime.now(UTC).date().isoformat()
    lines = [
        f"Measured on {when} on {machine()}, Python {platform.python_version()}; {said}.",
        f"Levels were held for {options.hold:g} s; Turnwise got {options.chunk_ms} ms a message.",
        "",
        *table(results),
        "",
        *ratios(results),
    ]
    return "\n".join(lines).rstrip() + "\n"


def put(text: str) -> None:
    """Put the report into the page, between its marks."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{text}{END}{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--calls", type=int, nargs="*", default=CALLS, help="levels of Turnwise")
    parser.add_argument("--hold", type=float, default=8.0, help="seconds at each level")
    parser.add_argument("--chunk-ms", type=int, default=100, help="sound in a message to Turnwise")
    parser.add_argument("--go-on", action="store_true", help="after a level that was not held, too")
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    options = parser.parse_args()
    results, versions = Results(), dict[str, str]()
    for name in options.only:
        if (peer := NAMES[name]) is not None:
            prepare(peer)
    with cores() as core:
        for name in options.only:
            peer = NAMES[name]
            print(peer.name if peer else "Turnwise", flush=True)
            if peer is None:
                results["Turnwise"] = climb_turnwise(core, options)
                versions["Turnwise"] = metadata.version("turnwise")
            else:
                results[peer.name] = climb_peer(peer, core, options)
                versions[peer.name] = version(peer)
    text = report(results, versions, options)
    print(f"\n{text}")
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if options.write:
        put(text)


if __name__ == "__main__":
    main()
