"""The conversation engine: who speaks when, what is cut off, what counts as said.

Pure: no I/O, no clock, no random, no framework. `Engine.handle(event, at)` returns commands;
`Engine.deadline` says when it wants a `Tick`. Start reading at `engine`, then `rules`.
"""
