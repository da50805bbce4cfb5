"""`/v1/convai/environments` and `/v1/convai/environment-variables`: values that differ by place."""
