"""Carriers' media streams: phone calls as conversations."""
