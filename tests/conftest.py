"""What all tests share: how Hypothesis searches."""

import os

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "default",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "hunt",  # for planted bugs: whether there is a counterexample matters, not how small it is
    parent=settings.get_profile("default"),
    phases=(Phase.explicit, Phase.generate),
    database=None,
)
settings.load_profile("default")
