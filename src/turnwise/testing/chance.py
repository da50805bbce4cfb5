"""Random numbers with a name: each purpose has its own, so that changing one changes no other.

So two simulations of one seed have the same users, whatever the policy and the providers are.
"""

from random import Random


def seeded(seed: int, *purpose: object) -> Random:
    """Return the random numbers of one purpose: the same on every machine and in every process.

    Args:
        seed: Of the whole simulation.
        purpose: What they are for, such as `"user", 12`; compared as text.
    """
    name = "/".join(str(part) for part in (seed, *purpose))
    return Random(name)  # noqa: S311 - they must be foreseeable
