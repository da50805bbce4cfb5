"""Providers that write replies."""
