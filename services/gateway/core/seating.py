"""Who sits where: room → connections. Filled only by what the router says (ARCHITECTURE.md, decision 1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Sitter(Protocol):
    """A connection, as far as seats are concerned."""

    session: str
    rooms: set[str]


S = TypeVar("S", bound=Sitter)


class Table(Generic[S]):
    """One room here. `last`: the highest `seq` that was written out; a message at or below it comes late and is
    dropped, so nobody ever sees a room run backwards. A jump ahead is let through: the client sees it and asks for
    the rest."""

    __slots__ = ("last", "seats")

    def __init__(self, last: int) -> None:
        self.last = last
        self.seats: dict[str, S] = {}

    def fresh(self, first: int, count: int) -> int:
        """How many of the messages `first` … `first + count - 1` are to be dropped from the front."""
        late = min(max(0, self.last + 1 - first), count)
        self.last = max(self.last, first + count - 1)
        return late


class Seating(Generic[S]):
    """Every room with a seat here."""

    def __init__(self) -> None:
        self._tables: dict[str, Table[S]] = {}

    def table(self, room: str) -> Table[S] | None:
        return self._tables.get(room)

    def seat(self, room: str, sitter: S, seq: int) -> None:
        table = self._tables.get(room)
        if table is None:
            table = self._tables[room] = Table(seq)
        table.seats[sitter.session] = sitter
        sitter.rooms.add(room)

    def unseat(self, room: str, session: str) -> None:
        table = self._tables.get(room)
        if table is not None and (sitter := table.seats.pop(session, None)) is not None:
            sitter.rooms.discard(room)
            if not table.seats:
                del self._tables[room]

    def clear(self, sitter: S) -> list[str]:
        """Frees all seats of `sitter`; gives the rooms."""
        rooms = sorted(sitter.rooms)
        for room in rooms:
            self.unseat(room, sitter.session)
        return rooms

    def rooms(self) -> Iterator[tuple[str, Table[S]]]:
        return iter(list(self._tables.items()))

    def __len__(self) -> int:
        return len(self._tables)
