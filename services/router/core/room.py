"""A room as the router holds it: the newest part of its log, its members, and who is subscribed to it on which gateway.

It is a cache of rows. Whatever is decided on it counts only if the rows still have the `seq` and `version` from which
it was decided (the store compares them in the same transaction), so a room that is out of date does no harm.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from services.router.core.audience import Audience
from shared.protocol.codec import render_message
from shared.protocol.server import User

RECENT = 200


class Stored(NamedTuple):
    """A message of the log. `content`: a chat's text, or a file's `StoredFile` as JSON. `at_ms`: Unix milliseconds.
    `frame`: as members see it."""

    seq: int
    sender_id: str
    sender_name: str
    id: str
    kind: str
    content: str
    at_ms: int
    frame: bytes


def stored(
    room: str, seq: int, sender_id: str, sender_name: str, id: str, kind: str, content: str, at_ms: int
) -> Stored:
    frame = render_message(room, seq, id, kind, sender_id, sender_name, at_ms, content)
    return Stored(seq, sender_id, sender_name, id, kind, content, at_ms, frame)


@dataclass(slots=True)
class Member:
    """`read_seq`: how far this user has read."""

    name: str
    read_seq: int = 0


class Subscription(NamedTuple):
    """A session in the room: whose it is, and the address of the gateway that holds it."""

    user_id: str
    address: str


@dataclass(slots=True)
class Room:
    """`exists`: there is a row for it."""

    name: str
    exists: bool = False
    seq: int = 0
    version: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    recent: deque[Stored] = field(default_factory=deque)
    bytes: int = 0
    _ids: dict[tuple[str, str], Stored] = field(default_factory=dict)
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

    def remember(self, message: Stored) -> None:
        """Adds the newest message, forgets the oldest beyond `RECENT`."""
        self.recent.append(message)
        self._ids[message.sender_id, message.id] = message
        self.bytes += 2 * len(message.frame) + 400
        while len(self.recent) > RECENT:
            oldest = self.recent.popleft()
            self._ids.pop((oldest.sender_id, oldest.id), None)
            self.bytes -= 2 * len(oldest.frame) + 400

    def find(self, sender_id: str, id: str) -> Stored | None:
        """The message that this sender has sent under `id`, if it is recent."""
        return self._ids.get((sender_id, id))

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
        return [User(id=u, name=self.members[u].name) for u in islice(self._online, limit) if u in self.members]

    @property
    def oldest_recent(self) -> int:
        """The `seq` from which on everything is in memory; `seq + 1` when nothing is."""
        return self.recent[0].seq if self.recent else self.seq + 1

    def after(self, seq: int, limit: int) -> list[Stored] | None:
        """The first `limit` messages after `seq`; None when that reaches back beyond what is in memory."""
        if seq + 1 < self.oldest_recent and self.seq > seq:
            return None
        skip = max(0, seq + 1 - self.oldest_recent)
        return list(islice(self.recent, skip, skip + limit))

    def before(self, seq: int, limit: int) -> list[Stored] | None:
        """The last `limit` messages before `seq`, oldest first; None when that reaches back beyond memory."""
        if seq <= 1:
            return []
        start = max(1, seq - limit)
        if start < self.oldest_recent:
            return None
        skip = start - self.oldest_recent
        return list(islice(self.recent, skip, max(skip, seq - self.oldest_recent)))
