"""The one error of this package."""

from __future__ import annotations


class ServerMissing(Exception):
    """No way to a server: {name} is neither given, nor in Docker, nor on this machine, nor could it be installed."""

    def __init__(self, name: str, tried: list[str], command: str) -> None:
        ways = "".join(f"\n  - {way}" for way in tried)
        super().__init__(f"These tests need {name}, and it could not be had:{ways}\nThis would bring it: {command}")
