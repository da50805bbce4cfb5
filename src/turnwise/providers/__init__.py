"""The outside minds: who hears, thinks, speaks. Ports, and one file per provider.

Providers do not know each other; only `registry` names them.
"""
