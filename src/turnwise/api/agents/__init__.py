"""Agents: create, list, get, change, delete."""
