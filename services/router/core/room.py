"""A room as the router holds it: the newest part of its log, its members, and who is subscribed to it on which gateway.

It is a cache of rows. Whatever is decided on it counts only if the rows still have the `seq` and `version` from which
it was decided (the store compares them in the same transaction), so a room that is out of date does no harm.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from services.router.core.audience import Audience
from services.router.core.entries import Entry, Stored, StoredChange, of_today, without_text
from shared.protocol.client import Governors, Level, Role
from shared.protocol.server import Person, User

RECENT = 200


@lru_cache(maxsize=1 << 14)
def _user(id: str, name: str) -> User:
    """Made once: when a whole gateway's clients come back, each of them is told to everybody else in each room."""
    return User(id=id, name=name)


@dataclass(slots=True)
class Member:
    """`read_seq`: how far this user has read. `role`: None is a plain member. `notify`: None is of all."""

    name: str
    read_seq: int = 0
    role: Role | None = None
    notify: Level | None = None


class Rules(NamedTuple):
    """What holds for a room, see `shared.protocol.client.RoomSettings`. Empty: none."""

    title: str = ""
    topic: str = ""
    posting: Governors = "members"
    invites: Governors = "members"
    keep_days: int = 0
    archived: bool = False

    def told(self) -> dict[str, Any]:
        """What is not as it is of itself."""
        return {name: value for name, value in self._asdict().items() if value != PLAIN[name]}


ANY: Final = Rules()
PLAIN: Final = ANY._asdict()


class Subscription(NamedTuple):
    """A session in the room: whose it is, and the address of the gateway that holds it."""

    user_id: str
    address: str


@dataclass(slots=True)
class Room:
    """`exists`: there is a row for it. `first`: the number of the oldest entry that is kept."""

    name: str
    exists: bool = False
    seq: int = 0
    version: int = 0
    rules: Rules = ANY
    members: dict[str, Member] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    recent: deque[Entry] = field(default_factory=deque)
    bytes: int = 0
    first: int = 1
    _ids: dict[tuple[str, str], Entry] = field(default_factory=dict)
    _online: dict[str, int] = field(default_factory=dict)
    _held: dict[str, int] = field(default_factory=dict)
    _audience: Audience | None = None

    def __post_init__(self) -> None:
        recent, self.recent = self.recent, deque()
        subscriptions, self.subscriptions = self.subscriptions, {}
        for message in recent:
            self.remember(message)
        for session, subscription in subscriptions.items():
            self.subscribe(session, subscription)

    def remember(self, entry: Entry) -> None:
        """Adds the newest entry, forgets the oldest beyond `RECENT`."""
        self.recent.append(entry)
        self._ids[entry.sender_id, entry.id] = entry
        self.bytes += 2 * len(entry.frame) + 400
        while len(self.recent) > RECENT:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self.recent.popleft()
        self._ids.pop((oldest.sender_id, oldest.id), None)
        self.bytes -= 2 * len(oldest.frame) + 400

    def begin_at(self, first: int) -> None:
        """Nothing before `first` is kept any more, nor the text of what stood there."""
        self.first = first
        while self.recent and self.recent[0].seq < first:
            self._forget_oldest()
        for edit in [entry for entry in self.recent if type(entry) is StoredChange and 0 < entry.of < first]:
            self._put(edit, without_text(self.name, edit))

    def find(self, sender_id: str, id: str) -> Entry | None:
        """The entry that this sender has sent under `id`, if it is recent."""
        return self._ids.get((sender_id, id))

    def message(self, seq: int) -> Stored | None:
        """The message with this number, if it is one, and recent."""
        at = seq - self.oldest_recent
        entry = self.recent[at] if 0 <= at < len(self.recent) else None
        return entry if type(entry) is Stored and entry.seq == seq else None

    def replace(self, message: Stored) -> None:
        """The message is as it is here from now on, and so are the texts that its recent edits bear."""
        before = self.message(message.seq)
        if before is not None:
            self._put(before, message)
        if before is None or (before.content, before.mentions) != (message.content, message.mentions):
            edits = [e for e in self.recent if isinstance(e, StoredChange) and e.kind == "edit" and e.of == message.seq]
            for edit in edits:
                self._put(edit, of_today(self.name, edit, message))

    def _put(self, before: Entry, now: Entry) -> None:
        self.recent[before.seq - self.oldest_recent] = now
        self._ids[now.sender_id, now.id] = now
        self.bytes += 2 * (len(now.frame) - len(before.frame))

    def subscribe(self, session: str, subscription: Subscription) -> bool:
        """Subscribes a session; True when its user was not online here before."""
        self.unsubscribe(session)
        self.subscriptions[session] = subscription
        self._held[subscription.address] = self._held.get(subscription.address, 0) + 1
        count = self._online.get(subscription.user_id, 0)
        self._online[subscription.user_id] = count + 1
        self._audience = None
        return count == 0

    def unsubscribe(self, session: str) -> bool:
        """Ends a subscription; True when its user is no longer online here."""
        subscription = self.subscriptions.pop(session, None)
        if subscription is None:
            return False
        self._audience = None
        for counts, key in ((self._held, subscription.address), (self._online, subscription.user_id)):
            counts[key] -= 1
            if not counts[key]:
                del counts[key]
        return subscription.user_id not in self._online

    def subscriptions_of(self, user_id: str) -> list[tuple[str, Subscription]]:
        """(session, subscription) of one user. O(subscriptions)."""
        return [(session, held) for session, held in self.subscriptions.items() if held.user_id == user_id]

    @property
    def audience(self) -> Audience:
        """Every gateway that holds a subscription here."""
        if self._audience is None:
            self._audience = Audience(tuple(self._held), tuple(self._held.values()))
        return self._audience

    @property
    def online(self) -> int:
        """Users, not sessions."""
        return len(self._online)

    def is_online(self, user_id: str) -> bool:
        return user_id in self._online

    def online_users(self, limit: int) -> list[User]:
        return [_user(u, self.members[u].name) for u in islice(self._online, limit) if u in self.members]

    def people(self) -> list[Person]:
        """All members, online or not."""
        return [Person(id=id, name=member.name, role=member.role) for id, member in self.members.items()]

    @property
    def oldest_recent(self) -> int:
        """The `seq` from which on everything is in memory; `seq + 1` when nothing is."""
        return self.recent[0].seq if self.recent else self.seq + 1

    def after(self, seq: int, limit: int) -> list[Entry] | None:
        """The first `limit` entries after `seq`; None when that reaches back beyond what is in memory."""
        seq = max(seq, self.first - 1)
        if seq + 1 < self.oldest_recent and self.seq > seq:
            return None
        skip = max(0, seq + 1 - self.oldest_recent)
        return list(islice(self.recent, skip, skip + limit))

    def before(self, seq: int, limit: int) -> list[Stored] | None:
        """The last `limit` messages before `seq`, oldest first; None when that reaches back beyond memory."""
        found: list[Stored] = []
        skip = max(0, self.seq + 1 - seq)
        for entry in islice(reversed(self.recent), skip, None):
            if len(found) == limit:
                break
            if type(entry) is Stored:
                found.append(entry)
        if len(found) < limit and self.oldest_recent > self.first and seq > self.first:
            return None
        return found[::-1]
