"""`/v1/convai/test-invocations`: tests that were run."""
