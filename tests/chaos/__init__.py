"""`make chaos`: faults at random, histories of what clients did and saw, and a checker that holds them to
docs/protocol.md.

`checker` is pure and tested by itself (`evidence` is what it reads, `versions` what each message may have looked like,
`verdict` what it finds); `faults` breaks things, `load` drives clients, `run` puts them together.
"""
