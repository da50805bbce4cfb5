"""Load: many calls at once over the published protocol, and what their users would notice.

`Crew` holds the calls of a `Plan` in processes of its own, `Level` says how they went. Unlike the
rest of the test kit this runs in real time, against a real server. Needs picows: the extra
`turnwise[bench]`.
"""

from turnwise.testing.load.crew import Crew, Watch
from turnwise.testing.load.picture import draw
from turnwise.testing.load.plan import Plan
from turnwise.testing.load.report import Level, Spread
from turnwise.testing.load.speech import built_in_speech
from turnwise.testing.load.usage import MetricsUsage, ProcessUsage, Usage, UsageSource

__all__ = [
    "Crew",
    "Level",
    "MetricsUsage",
    "Plan",
    "ProcessUsage",
    "Spread",
    "Usage",
    "UsageSource",
    "Watch",
    "built_in_speech",
    "draw",
]
