"""What people do at random about rooms of some: they make them, let each other in and put each other out, give roles,
and set what holds."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from random import Random
from typing import Any

from shared.client import Client
from shared.client.core.room import Room
from shared.protocol.room_names import is_direct, is_own

ROLES = ("owner", "moderator", "member")
GOVERNORS = ("members", "moderators")


def rooms_of_some(client: Client) -> list[str]:
    """Those that the client sits in, but for its user's own log."""
    return [name for name, room in client.session.rooms.items() if room.private and not is_own(name)]


def govern(client: Client, chance: Random, users: Sequence[str], public: Sequence[str]) -> Future[Any]:
    """One such act of the client; also what the server refuses. `users`: ids."""
    some = [room for room in rooms_of_some(client) if not is_direct(room)]
    what = chance.random()
    if what < 0.2 or not some:
        invited = chance.sample(users, chance.randint(0, min(2, len(users))))
        return client.create(f"room {chance.randrange(1000)}", chance.choice([None, "a topic"]), invited)
    if what < 0.28:
        return client.direct(chance.sample(users, chance.randint(1, min(2, len(users)))))
    here = [room for room in public if room in client.session.rooms]
    return govern_room(client, chance, users, chance.choice([*some, *some, *here]))


def govern_room(client: Client, chance: Random, users: Sequence[str], room: str) -> Future[Any]:
    known = client.session.rooms.get(room)
    members = sorted(_members(known)) or list(users)
    match chance.random():
        case x if x < 0.4:
            return client.invite(room, chance.choice(users))
        case x if x < 0.6:
            return client.remove(room, chance.choice(members))
        case x if x < 0.78:
            return client.give_role(room, chance.choice(members), chance.choice(ROLES))
        case x if x < 0.85:
            return client.leave(room)
        case x if x < 0.95:
            return client.set(room, title=f"title {chance.randrange(1000)}", topic=chance.choice([None, "", "topic"]))
        case _:
            return client.set(
                room, posting=chance.choice(GOVERNORS), invites=chance.choice(GOVERNORS), archived=chance.random() < 0.3
            )


def _members(room: Room | None) -> Sequence[str]:
    standing = None if room is None else room.log.standing
    return () if standing is None or standing.people is None else list(standing.people)
