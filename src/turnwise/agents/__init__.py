"""What an agent is: typed views of its stored configuration, overrides, variables, tools, prompt.

Pure: no I/O, no clock. A stored configuration is never rewritten, only read and copied. Start
reading at `config`.
"""
