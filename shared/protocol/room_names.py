"""The names of rooms that the server makes. docs/protocol.md, "Rooms of some".

They begin with `~`, so nobody can coin one. Each is a digest of what makes the room the one it is: whoever asks again,
on whatever gateway, asks for the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

MADE: Final = "~"
DIRECT: Final = "~d."
OWN: Final = "~me."


def private_room(user_id: str, id: str) -> str:
    """The private room that this user made with the frame `id`."""
    return MADE + _digest("private", user_id, id)


def direct_room(user_ids: Iterable[str]) -> str:
    """The room of exactly these people, in whatever order they are named."""
    return DIRECT + _digest("direct", *sorted(set(user_ids)))


def own_room(user_id: str) -> str:
    """The log of what happened to this user."""
    return OWN + _digest("own", user_id)


def is_private(room: str) -> bool:
    """Whether only its members know that there is such a room."""
    return room.startswith(MADE)


def is_direct(room: str) -> bool:
    """Whether its members are fixed by its name."""
    return room.startswith(DIRECT)


def is_own(room: str) -> bool:
    """Whether it is somebody's own log."""
    return room.startswith(OWN)


def _digest(*parts: str) -> str:
    # No part holds a line break: user ids and ids of frames are visible ASCII (names.py).
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
