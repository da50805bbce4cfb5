"""What all tests share: how Hypothesis searches."""

import os

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "default",
    deadline=None,
    # with one order of sets the same examples are drawn everywhere: the gate gives it
    derandomize=os.environ.get("PYTHONHASHSEED", "random") != "random",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "hunt",  # for planted bugs: whether there is a counterexample matters, not how small it is
    parent=settings.get_profile("default"),
    phases=(Phase.explicit, Phase.generate),
    database=None,
)
settings.load_profile("default")
