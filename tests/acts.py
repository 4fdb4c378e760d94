"""What people do at random: in rooms of some, which they make, let each other in and put each other out, give roles,
set what holds; and in all rooms, where they answer in threads, call each other, read, and set of what they are
alerted."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from shared.client import Client, Message
from shared.client.core.room import Room
from shared.protocol.room_names import is_direct, is_own

ROLES = ("owner", "moderator", "member")
GOVERNORS = ("members", "moderators")
LEVELS: Final = ("all", "mentions", "none")
Act = dict[str, Any]
"""A frame without its `id`."""


def rooms_of_some(client: Client) -> list[str]:
    """Those that the client sits in, but for its user's own log."""
    return [name for name, room in client.session.rooms.items() if room.private and not is_own(name)]


def any_act(client: Client, chance: Random, users: Sequence[str], public: Sequence[str]) -> Act:
    """Also what the server refuses. `users`: ids; `public`: rooms that may be governed as well."""
    some = [room for room in rooms_of_some(client) if not is_direct(room)]
    what = chance.random()
    if what < 0.2 or not some:
        invited = chance.sample(users, chance.randint(0, min(2, len(users))))
        topic = {"topic": "a topic"} if chance.random() < 0.5 else {}
        return {"type": "create", "title": f"room {chance.randrange(1000)}", **topic, "users": invited}
    if what < 0.28:
        return {"type": "direct", "users": chance.sample(users, chance.randint(1, min(2, len(users))))}
    here = [room for room in public if room in client.session.rooms]
    room = chance.choice([*some, *some, *here])
    members = _members(client.session.rooms.get(room)) or list(users)
    match chance.random():
        case x if x < 0.4:
            return {"type": "invite", "room": room, "user": chance.choice(users)}
        case x if x < 0.6:
            return {"type": "remove", "room": room, "user": chance.choice(members)}
        case x if x < 0.78:
            return {"type": "role", "room": room, "user": chance.choice(members), "role": chance.choice(ROLES)}
        case x if x < 0.85:
            return {"type": "leave", "room": room}
        case x if x < 0.95:
            title, topic = {"title": f"title {chance.randrange(1000)}"}, {"topic": chance.choice(["", "topic"])}
            return {"type": "settings", "room": room, **chance.choice([title, topic, title | topic])}
        case _:
            given = {"posting": chance.choice(GOVERNORS), "invites": chance.choice(GOVERNORS)}
            return {"type": "settings", "room": room, **given, "archived": chance.random() < 0.3}


def some_called(chance: Random, users: Sequence[str]) -> list[str]:
    """Whom a text mentions; not seldom nobody, or oneself, or who is not here. `users`: ids."""
    return chance.sample(users, chance.choice([0, 0, 1, 2]))


def some_thread(chance: Random, seen: Sequence[Message]) -> int | None:
    """Under which of these messages one writes; now and then one that stands in a thread itself, which is refused."""
    roots = [m.seq for m in seen if m.thread is None or chance.random() < 0.05]
    # Most of what is said goes on where something is said already.
    going_on = [m.thread for m in seen if m.thread is not None]
    return chance.choice([*roots, *going_on, *going_on]) if roots else None


def marks(client: Client, chance: Random, room: str) -> Future[Any] | None:
    """Reads a part of the room, or sets its level; the future of the latter."""
    if chance.random() < 0.6:
        client.read(room, chance.randint(0, client.room(room).log.whole))
        return None
    return client.notify(room, chance.choice(LEVELS))


def perform(client: Client, act: Act, id: str | None = None) -> Future[Any]:
    given = {name: value for name, value in act.items() if name != "type"}
    match act["type"]:
        case "create":
            return client.create(**given, id=id)
        case "direct":
            return client.direct(**given, id=id)
        case "invite":
            return client.invite(**given, id=id)
        case "remove":
            return client.remove(**given, id=id)
        case "role":
            return client.give_role(**given, id=id)
        case "settings":
            return client.set(**given, id=id)
    return client.leave(**given)


def _members(room: Room | None) -> list[str]:
    standing = None if room is None else room.log.standing
    return [] if standing is None or standing.people is None else sorted(standing.people)
