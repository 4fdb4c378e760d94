"""The yardstick: one load generator for every chat server, the peers that Homin is compared with, and how each of them
is started. Nothing of it is needed to run Homin.
"""
