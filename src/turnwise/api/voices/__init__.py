"""The voices at hand, and what they are set to."""
