"""Figures of the whole server."""
