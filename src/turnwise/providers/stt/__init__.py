"""Providers that turn sound into words."""
