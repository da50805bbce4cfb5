"""The async shells of one conversation, and the live conversations of a process.

Shells carry: sound to the detector, words to the engine, orders to the providers. None of them
decides who speaks; only `conversation` touches the engine.
"""
