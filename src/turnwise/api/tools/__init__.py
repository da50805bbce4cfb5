"""`/v1/convai/tools`: what agents can do beside talking."""
