"""`/v1/convai/mcp-servers`: servers whose tools agents can use."""
