"""The steps. `0001` is the first; each names the one before it."""
