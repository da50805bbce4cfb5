"""`/v1/convai/batch-calling`: the same call to many people."""
