"""`/v1/convai/api-integrations`: services whose tools are known, and connections to them."""
