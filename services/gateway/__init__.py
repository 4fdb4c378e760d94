"""The gateway: it authenticates connections, checks and forwards their frames, and writes out what the router
delivers.
"""
