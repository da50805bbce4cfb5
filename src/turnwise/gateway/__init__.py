"""The realtime surface: how clients get into a conversation, and how sound and words travel."""
