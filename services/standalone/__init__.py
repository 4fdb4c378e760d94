"""All services in one process: the same services, over the in-memory bus, SQLite and a local folder unless told
otherwise.
"""
