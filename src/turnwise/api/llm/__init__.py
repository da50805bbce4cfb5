"""`/v1/convai/llm`: the language models that agents may name."""
