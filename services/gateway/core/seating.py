"""Who sits where: room → connections. Filled only by what the router says (docs/architecture.md, decision 1)."""

from __future__ import annotations

from collections import Counter
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
    the rest.

    What comes late has been written out before, or stands in a store that went back, and its number cannot tell which.
    So the table only *doubts*: the router is asked (`Resume`) whether it still has what was written out here. What it
    says again in answer to that is expected, and no reason to ask once more."""

    __slots__ = ("_asked", "_expected", "doubted", "last", "seats")

    def __init__(self, last: int) -> None:
        self.last = last
        self.doubted = False
        self.seats: dict[str, S] = {}
        self._asked: Counter[int] = Counter()
        self._expected = 0

    def fresh(self, first: int, count: int) -> int:
        """How many of the messages `first` … `first + count - 1` are to be dropped from the front."""
        late = min(max(0, self.last + 1 - first), count)
        if late and first + late - 1 > self._expected:
            self.doubted = True
        self.last = max(self.last, first + count - 1)
        return late

    def ask(self, parts: int = 1) -> int:
        """From where on the router is asked for what is missing, in so many parts, each of which it answers."""
        self.doubted = False
        self._asked[self.last] += parts
        return self.last

    def continues(self, seq: int) -> None:
        """The router says the room from after `seq` on, to a new seat or in answer to a question."""
        if seq >= self.last:
            return
        if seq in self._asked:
            left = Counter({seq: self._asked[seq] - 1})
            self._asked = +Counter({asked: times for asked, times in self._asked.items() if asked > seq}) + left
            self._expected = self.last
        else:
            self.doubted = True

    def rewind(self, seq: int) -> None:
        """The store went back to `seq`: what follows it is new."""
        self.last = self._expected = seq
        self.doubted = False
        self._asked.clear()


class Seating(Generic[S]):
    """Every room with a seat here."""

    def __init__(self) -> None:
        self._tables: dict[str, Table[S]] = {}

    def table(self, room: str) -> Table[S] | None:
        return self._tables.get(room)

    def seat(self, room: str, sitter: S, seq: int) -> Table[S]:
        table = self._tables.get(room)
        if table is None:
            table = self._tables[room] = Table(seq)
        table.continues(seq)
        table.seats[sitter.session] = sitter
        sitter.rooms.add(room)
        return table

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
