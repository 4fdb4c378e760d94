"""The stack as a team deploys it, brought up with Docker Compose and used through Caddy only, as a browser would.

`make test-stack`; `make test` leaves it out, for it needs a Docker engine and some ten minutes.
"""
