"""Providers that speak."""
