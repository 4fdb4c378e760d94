"""What the people in a room are told of one another: who types, how far each has read, and who is online. That is told
by differences among up to `CROWD`, and where they were left out, as a whole.
"""

from __future__ import annotations

from services.router.core.events import Event, Noticed, Reminded, Told
from services.router.core.room import Room
from shared.protocol.bus import Submit
from shared.protocol.server import JOIN_ONLINE, NotifyLevel, Presence, ReadMark, ServerBase, TypingNotice, User

CROWD = JOIN_ONLINE  # with more online than can be named nobody is told who comes and goes, only how many there are


def number(room: Room) -> Presence:
    """How many are online, and nothing of who."""
    return Presence(room=room.name, members=room.online)


def everyone(room: Room) -> Presence:
    """Who is online, in place of all that was told before; of a crowd, some of them."""
    return Presence(room=room.name, members=room.online, present=room.online_users(JOIN_ONLINE))


def tell(room: Room, events: list[Event], user: User, online: bool) -> bool:
    """Says that `user` has come or gone. False: the room is a crowd, and nothing is said now."""
    if room.online > CROWD:
        return False
    if room.online == CROWD and not online:
        # It was a crowd, of which nobody was told who came and went: differences begin anew with the whole.
        frame = everyone(room)
    else:
        frame = Presence(room=room.name, user=user, online=online, members=room.online)
    events.append(Noticed(room.audience, frame))
    return True


def typing(room: Room, events: list[Event], by: Submit) -> None:
    events.append(Noticed(room.audience, TypingNotice(room=room.name, user=by.user), skip=by.session))


def has_read(room: Room, events: list[Event], user: User, seq: int) -> None:
    """Says how far `user` has read: in a crowd only to the user's own sessions."""
    mark = ReadMark(room=room.name, user=user, seq=seq)
    if room.online <= CROWD:
        events.append(Noticed(room.audience, mark))
    else:
        for session, subscription in room.subscriptions_of(user.id):
            events.append(Told(subscription.address, session, mark))


def tell_owed(room: Room, events: list[Event], names: bool) -> None:
    """What is owed to a room: who is there, or to a crowd how many; one that is none any more was told all when it
    ceased to be one."""
    if names:
        events.append(Noticed(room.audience, everyone(room)))
    elif room.online > CROWD:
        events.append(Noticed(room.audience, number(room)))


def retell(room: Room, events: list[Event], session: str, address: str) -> None:
    """Says to one session anew what notices have said: who is there, how far its user has read, and of what in the room
    he is alerted."""
    subscription = room.subscriptions.get(session)
    if subscription is None or subscription.address != address:
        return
    told: list[ServerBase] = [everyone(room)]
    if (member := room.members.get(subscription.user_id)) is not None:
        user = User(id=subscription.user_id, name=member.name)
        told.append(ReadMark(room=room.name, user=user, seq=member.read_seq))
        told.append(NotifyLevel(room=room.name, level=member.notify or "all"))
    events.append(Reminded(address, session, told))
