"""What retention needs of the message store. Each of these looks at a bounded number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Ageing(NamedTuple):
    """A room. `keep_days`: its own; 0: it says nothing of it. `first`: the oldest entry that is kept, `oldest_ms` when
    that came; None: there is none. `removable`: entries before it are there yet."""

    room: str
    keep_days: int
    first: int
    oldest_ms: int | None
    removable: bool


class Old(NamedTuple):
    """An entry. `at_ms`: Unix milliseconds. `file`: its file's id."""

    seq: int
    at_ms: int
    file: str | None


class Leftover(NamedTuple):
    """The entries from `start` to `end` of a room, of which none is kept any more; `files`: those among them."""

    start: int
    end: int
    files: Sequence[str]


class RetentionStore(Protocol):
    async def ageing(self, shard: int, after: int, limit: int) -> tuple[list[Ageing], int | None]:
        """Of the next `limit` rooms after the place `after` (0: the first ones) those of `shard`; and the place that
        was reached, None at the end."""

    async def oldest(self, room: str, start: int, limit: int) -> list[Old]:
        """The first `limit` entries that are kept, from the number `start` on, in their order."""

    async def leftover(self, room: str, limit: int) -> Leftover | None:
        """The first entries before `Room.first` that are there yet, at most `limit`."""

    async def remove(self, room: str, leftover: Leftover) -> None:
        """Removes them, with all that is kept of them elsewhere. Of what is kept nothing is ever removed."""
