"""Who is subscribed to what: room → connections. Filled only by what the router says (docs/architecture.md, decision
1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from typing import Generic, Protocol, TypeVar

from shared.protocol.room_names import is_private


class Subscriber(Protocol):
    """A connection, as far as subscriptions are concerned."""

    @property
    def session(self) -> str: ...


S = TypeVar("S", bound=Subscriber)


class Feed(Generic[S]):
    """One room here. `last`: the highest `seq` that was written out; a message at or below it comes late and is
    dropped, so nobody ever sees a room run backwards. A jump ahead is let through: the client sees it and asks for
    the rest.

    What comes late has been written out before, or stands in a store that went back, and its number cannot tell which.
    So the feed only *doubts*: the router is asked (`Takeover`) whether it still has what was written out here. What it
    says again in answer to that is expected, and no reason to ask once more.

    A `private` room's entries are for its members alone. Where something was lost, it may be that one of those here is
    none any more: then all is *withheld* until the router has said who is, and what was missed."""

    __slots__ = ("_asked", "_expected", "doubted", "last", "private", "subscribers", "withheld")

    def __init__(self, last: int, private: bool = False) -> None:
        self.last, self.private = last, private
        self.doubted = self.withheld = False
        self.subscribers: dict[str, S] = {}
        self._asked: Counter[int] = Counter()
        self._expected = 0

    def fresh(self, first: int, count: int) -> int:
        """How many of the messages `first` … `first + count - 1` are to be dropped from the front."""
        if self.withheld:
            return count
        late = min(max(0, self.last + 1 - first), count)
        if late and first + late - 1 > self._expected:
            self.doubted = True
        self.last = max(self.last, first + count - 1)
        return late

    def lost(self) -> None:
        """Something was, perhaps that a subscription here has ended."""
        self.withheld = self.private

    def ask(self, parts: int = 1) -> int:
        """From where on the router is asked for what is missing, in so many parts, each of which it answers."""
        self.doubted = False
        self._asked[self.last] += parts
        return self.last

    def continues(self, seq: int) -> None:
        """The router says the room from after `seq` on, to a new subscription or in answer to a question."""
        if seq == self.last:
            self.withheld = False
        elif self.private and self.subscribers and (seq > self.last or seq not in self._asked):
            # Nobody here was told of what lies between; or a router says late what holds no more.
            self.withheld = self.doubted = True
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
        self.doubted = self.withheld = False
        self._asked.clear()


class Subscriptions(Generic[S]):
    """Every room with a subscription here."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed[S]] = {}
        self._rooms: dict[str, set[str]] = {}  # of each session

    def feed(self, room: str) -> Feed[S] | None:
        return self._feeds.get(room)

    def add(self, room: str, subscriber: S, seq: int) -> Feed[S]:
        feed = self._feeds.get(room)
        if feed is None:
            feed = self._feeds[room] = Feed(seq, is_private(room))
        feed.continues(seq)
        feed.subscribers[subscriber.session] = subscriber
        self._rooms.setdefault(subscriber.session, set()).add(room)
        return feed

    def remove(self, room: str, session: str) -> None:
        feed = self._feeds.get(room)
        if feed is not None and feed.subscribers.pop(session, None) is not None:
            if not feed.subscribers:
                del self._feeds[room]
            rooms = self._rooms[session]
            rooms.discard(room)
            if not rooms:
                del self._rooms[session]

    def rooms(self, session: str) -> Set[str]:
        """Where it is subscribed."""
        return self._rooms.get(session, frozenset())

    def clear(self, session: str) -> list[str]:
        """Ends all subscriptions of `session`; gives the rooms."""
        rooms = sorted(self.rooms(session))
        for room in rooms:
            self.remove(room, session)
        return rooms

    def feeds(self) -> Iterator[tuple[str, Feed[S]]]:
        return iter(list(self._feeds.items()))

    def __len__(self) -> int:
        return len(self._feeds)
