"""`/v1/convai/agent-testing`: tests of agents, and the folders they are in."""
