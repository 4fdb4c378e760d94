"""The rooms in memory, bounded; the ones used longest ago go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from services.router.core.room import Room


class RoomCache:
    """At most `rooms` rooms and about `bytes_` bytes of their recent messages. A room of the present batch is never
    dropped.
    """

    def __init__(self, rooms: int, bytes_: int) -> None:
        self._rooms, self._bytes = rooms, bytes_
        self._cached: OrderedDict[str, Room] = OrderedDict()

    def get(self, name: str) -> Room | None:
        room = self._cached.get(name)
        if room is not None:
            self._cached.move_to_end(name)
        return room

    def put(self, room: Room) -> None:
        self._cached[room.name] = room
        self._cached.move_to_end(room.name)

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._cached.pop(name, None)

    def trim(self) -> None:
        """Back to the bounds. O(rooms), so the worker does it now and then, not for each batch."""
        total = sum(room.bytes for room in self._cached.values())
        while len(self._cached) > 1 and (len(self._cached) > self._rooms or total > self._bytes):
            _, room = self._cached.popitem(last=False)
            total -= room.bytes

    def __len__(self) -> int:
        return len(self._cached)
