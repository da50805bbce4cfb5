"""Providers that tell speech from silence."""
