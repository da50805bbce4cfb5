"""Test kit for conversations: for our own tests, and for yours.

Nothing here waits, and nothing is left to chance: time is virtual and random numbers have a seed.
"""

from turnwise.testing.timeline import Timeline

__all__ = ["Timeline"]
