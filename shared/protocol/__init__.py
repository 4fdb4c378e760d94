"""The one definition of the wire: client frames, server frames, bus messages, errors and close codes. Pure: no I/O,
no clock, no randomness.

Read in this order: names, client, server, errors; then bus (what the services say to one another) and codec (how it
is written down).
"""
