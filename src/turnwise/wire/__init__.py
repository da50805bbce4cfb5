"""The ElevenLabs Agents conversation messages, and their translation from and to the engine.

Pure: no I/O, no clock. Start reading at `codec` for the messages, at `translate` for the order.
"""
