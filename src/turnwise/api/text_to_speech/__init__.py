"""Speech on request, outside conversations."""
