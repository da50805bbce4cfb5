"""How many calls one core holds: the whole server, behind scripted minds, against its floor.

    python benchmarks/density.py [--calls 1 50 100 200 400 600] [--hold 15] [--json FILE]
    python benchmarks/density.py --soak 30 [--soak-calls 100]

Sockets, detector, engine, journal and recording are real; transcriber, model and voice take the
times of `peers/work.py` and cost nothing. The server has one core, the callers the others. Prints
CPU and memory of each call, what answers take beyond the same with one call, and the share of the
floor (`floor.py`) that is reached in the same run. With --soak calls come and go for so many
minutes, and it prints what grows.
"""

import argparse
import compileall
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from floor import serve_floor
from ladder import Plain, climb, line, plan_of, processes, show
from served import Served, cores, serve_turnwise, served

from turnwise.testing.load import Crew, Level, ProcessUsage, Usage
from turnwise.testing.load.report import slope_an_hour

PACKAGE = Path(__file__).parents[1] / "src" / "turnwise"
CALLS = [1, 50, 100, 200, 400, 600]
FLOOR_CALLS = [1, 200, 400, 600, 900]
CALL_S = 60.0
"""Length of a call of the soak, on average."""
WARM_S = 60.0
"""Of a soak, in which memory may still grow."""
REST_S = 20.0
"""After it, in which conversations are stored."""


def compare(core: int, options: argparse.Namespace) -> dict[str, Any]:
    print("floor: sockets and detector alone", flush=True)
    with served(serve_floor, core, agent=False) as server:
        floor = climb(server, options.floor_calls, options)
    print("Turnwise", flush=True)
    compileall.compile_dir(PACKAGE, quiet=1)  # as an installation does: it is started once
    with served(serve_turnwise, core, agent=True) as server:
        print(f"ready after {server.start_s:.1f} s", flush=True)
        levels = climb(server, options.calls, options)
    show("floor", floor)
    show("Turnwise", levels)
    return {
        "start_s": round(server.start_s, 2),
        "share_of_floor": share_of_floor(levels, floor),
        "turnwise": levels,
        "floor": floor,
    }


def share_of_floor(levels: list[Plain], floor: list[Plain]) -> float | None:
    """Return the floor's CPU of a call over ours, at the highest level without errors in both."""
    least = {level["calls"]: level["server"] for level in floor if not level["errors"]}
    for level in reversed(levels):
        ours, beneath = level["server"], least.get(level["calls"])
        if ours and beneath and not level["errors"]:
            share = float(beneath["cpu_ms_per_call_s"] / ours["cpu_ms_per_call_s"])
            print(f"share of the floor, by CPU of a call, at {level['calls']} calls: {share:.2f}")
            return round(share, 3)
    return None


def soak(core: int, calls: int, minutes: float) -> dict[str, Any]:
    points: list[tuple[float, Usage, int]] = []
    with served(serve_turnwise, core, agent=True) as server, Crew(processes()) as crew:
        plan = replace(plan_of(server, calls, minutes * 60), call_s=CALL_S)
        source = ProcessUsage(server.pid)
        idle = source.read()

        def watch(second: float) -> None:
            if second % 10 == 0:
                points.append((second, source.read(), _tasks(server)))

        tally = crew.hold(plan, watch)
        seconds = [(second, usage) for second, usage, _ in points]
        level = Level.of(plan, tally, idle, seconds).to_plain()
        print(line(level, level))
        time.sleep(REST_S)
        after, tasks = source.read(), _tasks(server)
    print(
        f"{REST_S:.0f} s after the last call: {after.memory / 1e6:.0f} MB (before the first"
        f" {idle.memory / 1e6:.0f}), {after.files} open files (before {idle.files}), {tasks} tasks"
    )
    slopes = _slopes([point for point in points if point[0] >= min(WARM_S, minutes * 20)])
    return {
        "soak": level,
        "slopes_an_hour": slopes,
        "points": [[at, usage.memory, usage.files, tasks] for at, usage, tasks in points],
    }


def _slopes(points: list[tuple[float, Usage, int]]) -> dict[str, float]:
    """Return by how much each grows in an hour; print it."""
    slopes = {
        "memory, MB": slope_an_hour([(at, usage.memory / 1e6) for at, usage, _ in points]),
        "open files": slope_an_hour([(at, float(usage.files or 0)) for at, usage, _ in points]),
        "tasks": slope_an_hour([(at, float(tasks)) for at, _, tasks in points]),
    }
    for name, slope in slopes.items():
        print(f"{name}: {slope:+.2f} an hour")
    return {name: round(slope, 3) for name, slope in slopes.items()}


def _tasks(server: Served) -> int:
    with urlopen(f"{server.url}/tasks", timeout=10) as answer:
        return int(answer.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="*", default=CALLS)
    parser.add_argument("--floor-calls", type=int, nargs="*", default=FLOOR_CALLS)
    parser.add_argument("--hold", type=float, default=15.0, help="seconds at each level")
    parser.add_argument("--chunk-ms", type=int, default=100, help="sound in each message")
    parser.add_argument("--go-on", action="store_true", help="after a level that was not held, too")
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--soak-calls", type=int, default=100)
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    options = parser.parse_args()
    with cores() as core:
        if options.soak:
            report = soak(core, options.soak_calls, options.soak)
        else:
            report = compare(core, options)
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
