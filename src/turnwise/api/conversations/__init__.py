"""The records of conversations: list, read, hear, delete."""
