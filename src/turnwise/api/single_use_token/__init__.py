"""Tokens that browsers use in place of a key, once."""
