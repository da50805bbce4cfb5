"""`/v1/workspace/auth-connections`: how requests to other services are authorised."""
