"""`/v1/convai/secrets`: texts that configurations refer to and nobody reads again."""
