"""A caller's raw sound on one socket, an agent's conversation on another, and the bridge between.

The agent may be Turnwise's or the hosted service's: both sides are clients of published protocols.
"""
