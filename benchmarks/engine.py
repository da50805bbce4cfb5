"""How fast the engine is: events a second, an hour of conversation, a replay of 10,000 events.

    python benchmarks/engine.py

Prints one line per figure and the target beside it. Times are CPU time of one core, so that what
else the machine does matters little.
"""

import argparse
import gc
import json
import time
from itertools import islice

from turnwise.testing import Persona, Providers, one_call
from turnwise.turns.engine import Engine
from turnwise.turns.journal import Step, lines, read, replay
from turnwise.turns.policy import Policy, Waiting

HOUR_MS = 3_600_000


def an_hour(policy: Policy) -> tuple[list[Step], float]:
    """Simulate one conversation of at least an hour."""
    turns = 10
    while True:
        persona = Persona(turns=(turns, turns))
        began = time.process_time()
        call = one_call(policy, persona, Providers(), seed=1, number=0)
        took = time.process_time() - began
        if call.length_ms >= HOUR_MS:
            return list(call.steps), took * HOUR_MS / call.length_ms
        turns = turns * HOUR_MS // max(call.length_ms, 1) + 10


def events_a_second(policy: Policy, steps: list[Step]) -> float:
    """Feed the recorded events to fresh engines, best of five runs."""
    best = 0.0
    for _ in range(5):
        engine = Engine(policy)
        began = time.process_time()
        for step in steps:
            engine.handle(step.event, step.at)
        best = max(best, len(steps) / (time.process_time() - began))
    return best


def replay_seconds(policy: Policy, steps: list[Step]) -> float:
    text = list(lines(policy, islice(steps, 10_000)))
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        _, differences = replay(read(text))
        assert not differences
        best = min(best, time.process_time() - began)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    options = parser.parse_args()
    policy = Policy(waiting=Waiting(max_duration_ms=None), first_message="Hello, how can I help?")
    gc.disable()
    steps, hour_s = an_hour(policy)
    figures = {
        "events in the hour": len(steps),
        "an hour of conversation simulated, s (< 1)": round(hour_s, 3),
        "events a second on one core (>= 50,000)": round(events_a_second(policy, steps)),
        "replay of 10,000 events, s (< 1)": round(replay_seconds(policy, steps), 3),
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{value:>12,}  {name}")


if __name__ == "__main__":
    main()
