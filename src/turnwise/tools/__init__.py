"""What a tool call does: one file per kind of tool, each behind the same small port.

`ports` says what a call is and what comes of it; `arguments` checks what the model gave, `answers`
makes of an outcome what the model, the record and the dynamic variables get.
"""
