"""`make chaos`: faults at random, histories of what clients did and saw, and a checker that holds them to
docs/protocol.md.

`checker` is pure and tested by itself; `faults` breaks things, `load` drives clients, `run` puts them together.
"""
