"""`/v1/convai/analysis-items`: what is looked for in conversations, for agents to share."""
