"""URLs that start a conversation without a key: short-lived and signed."""
