"""`/v1/convai/knowledge-base`: what agents know."""
