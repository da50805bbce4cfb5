"""Test kit for conversations: for our own tests, and for yours.

`Timeline` feeds one engine by hand; `World` lets one simulated user talk to it; `simulate` lets
thousands, and reports response times and errors; `VirtualLoop` runs asyncio code without waiting.
Nothing here waits, and nothing is left to chance: time is virtual and random numbers have a seed.
"""

from turnwise.testing.figures import Figures, measure
from turnwise.testing.latency import Fixed, Latency, LogNormal, Never, Uniform
from turnwise.testing.moves import (
    Backchannel,
    BargeIn,
    Cough,
    Deed,
    HangUp,
    Move,
    Say,
    Span,
    Spell,
    Wait,
    Write,
)
from turnwise.testing.persona import Persona
from turnwise.testing.providers import (
    Detector,
    Model,
    Providers,
    Scorer,
    Tools,
    Transcriber,
    Voice,
    Written,
)
from turnwise.testing.record import Record
from turnwise.testing.simulation import Report, Spread, one_call, simulate
from turnwise.testing.timeline import Timeline
from turnwise.testing.virtual_loop import VirtualLoop, run
from turnwise.testing.world import Call, World

__all__ = [
    "Backchannel",
    "BargeIn",
    "Call",
    "Cough",
    "Deed",
    "Detector",
    "Figures",
    "Fixed",
    "HangUp",
    "Latency",
    "LogNormal",
    "Model",
    "Move",
    "Never",
    "Persona",
    "Providers",
    "Record",
    "Report",
    "Say",
    "Scorer",
    "Span",
    "Spell",
    "Spread",
    "Timeline",
    "Tools",
    "Transcriber",
    "Uniform",
    "VirtualLoop",
    "Voice",
    "Wait",
    "World",
    "Write",
    "Written",
    "measure",
    "one_call",
    "run",
    "simulate",
]
