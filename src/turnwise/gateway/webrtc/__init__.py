"""Conversations over WebRTC: signalling as LiveKit's clients speak it, sound as Opus tracks.

No LiveKit server is needed: there are two in each room, the user and the agent, who is us.
"""
