"""When a crowd is told how many are there, and who: not with each who comes or goes, but once in a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.router.core.changes import Changes, CrowdDue, Item


class CrowdTimers:
    """`add`: takes items of the router's own, to be handled in their turn. `number_s`: how soon after somebody came or
    went a crowd is told how many there are; `names_s`: who, up to a hundred of them. `settled_s`: how long after a
    gateway's or router's end who is there is told once more."""

    def __init__(
        self, add: Callable[[Item], None], number_s: float = 1.0, names_s: float = 30.0, settled_s: float = 5.0
    ) -> None:
        self._add, self._number_s, self._names_s, self._settled_s = add, number_s, names_s, settled_s
        self._due: dict[tuple[str, bool], asyncio.TimerHandle] = {}

    def note(self, changes: Changes) -> None:
        """Begins to time what these changes leave owed. What is being timed already stays so."""
        if changes.crowd_changed:
            self._begin(changes.room, False, self._number_s)
            self._begin(changes.room, True, self._names_s)
        if changes.names_owed:
            self._begin(changes.room, True, self._settled_s)

    def _begin(self, room: str, names: bool, after_s: float) -> None:
        def due() -> None:
            del self._due[room, names]
            self._add(Item(CrowdDue(room=room, names=names)))

        if (room, names) not in self._due:
            self._due[room, names] = asyncio.get_running_loop().call_later(after_s, due)
