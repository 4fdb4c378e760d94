"""The message store: what the router needs of a database, and what it is promised. tests/contract holds every store
to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from services.router.core.changes import Changes
from services.router.core.entries import Entry, Stored
from services.router.core.needs import Needs, Older
from services.router.core.room import ANY, Room, Rules
from services.router.retention_store import RetentionStore
from shared.protocol.client import Level, Role
from shared.protocol.server import User

UNREAD_AT_MOST = 100
# How far it is counted: who writes much and reads nothing must not make the list of rooms dear to everybody.
UNREAD_WITHIN = 1_000


class Summary(NamedTuple):
    """A room as a member's list shows it, with the member's `role`. `unread`: how many messages of others follow
    `read_seq` and are not deleted, `mentions` how many of them mention the member, both counted to `UNREAD_AT_MOST`.
    `last`: the newest message. `online`: how many users.
    `with_`: of a direct room, the others."""

    room: str
    seq: int
    read_seq: int
    unread: int
    online: int
    last: Stored | None
    role: Role | None = None
    rules: Rules = ANY
    with_: Sequence[User] = ()
    mentions: int = 0
    notify: Level | None = None


class Page(NamedTuple):
    """`more`: there are others in the direction that was asked for. `seq`: the room's newest entry when it was read;
    the messages hold all changes up to there, and nothing that came later is listed."""

    entries: list[Entry]
    more: bool
    seq: int


class MessageStore(RetentionStore, Protocol):
    """Every room's log, members and subscriptions, durable."""

    async def load(self, names: Sequence[str]) -> dict[str, Room]:
        """These rooms as they are stored, their newest entries included; one that has no row comes with `exists`
        unset.
        """

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        """Writes what each room wants, in one durable transaction, and gives the names of the rooms that are *stale*:
        their row no longer has the `seq` and `version` from which the changes were decided, and nothing of theirs is
        written. Rooms that want nothing are compared all the same. When some entry is stored already, under another
        number, all are stale. Raises `StoreDown`."""

    async def find(self, room: str, wanted: Needs) -> Older:
        """What of it there is; of the users those who have been in some room."""

    async def page(
        self, room: str, *, before: int | None, after: int | None, limit: int, thread: int | None = None
    ) -> Page:
        """Oldest first: with `after` all entries, else messages alone. Without a bound: the newest. With `thread`: the
        messages under that one alone."""

    async def rooms_of(self, user_id: str) -> list[Summary]:
        """The rooms that this user is a member of, latest activity first."""

    async def people(self, beginning: str, limit: int) -> list[User]:
        """Whose names begin so, in small or large letters; in the order of their names."""

    async def addresses(self, shard: int) -> list[str]:
        """Every mailbox address that holds a subscription in a room of `shard`."""

    async def rooms_held(self, shard: int, address: str) -> list[str]:
        """The rooms of `shard` in which `address` holds a subscription."""

    async def crowds(self, shard: int, above: int) -> list[str]:
        """The rooms of `shard` in which more than `above` users are online."""

    async def epoch(self) -> str:
        """The name of this life of the store; a restored backup gets another."""
