"""Turnwise: a self-hosted server for conversational voice agents."""

__version__ = "0.1.0"
