"""What the people in a room are told of one another: who types, how far each has read, and who is online. That is told
by differences among up to `CROWD`, and where they were left out, as a whole.
"""

from __future__ import annotations

from services.router.core.outgoing import Outgoing
from services.router.core.room import Room
from shared.protocol.bus import Submit
from shared.protocol.codec import render
from shared.protocol.server import JOIN_ONLINE, Presence, ReadMark, TypingNotice, User

CROWD = JOIN_ONLINE  # with more online than can be named nobody is told who comes and goes, only how many there are


def number(room: Room) -> bytes:
    """How many are online, and nothing of who."""
    return render(Presence(room=room.name, members=room.online))


def everyone(room: Room) -> bytes:
    """Who is online, in place of all that was told before; of a crowd, some of them."""
    return render(Presence(room=room.name, members=room.online, present=room.online_users(JOIN_ONLINE)))


def tell(room: Room, out: Outgoing, user: User, online: bool) -> bool:
    """Says that `user` has come or gone. False: the room is a crowd, and nothing is said now."""
    if room.online > CROWD:
        return False
    if room.online == CROWD and not online:
        # It was a crowd, of which nobody was told who came and went: differences begin anew with the whole.
        frame = everyone(room)
    else:
        frame = render(Presence(room=room.name, user=user, online=online, members=room.online))
    out.notice(room.audience, frame)
    return True


def typing(room: Room, out: Outgoing, by: Submit) -> None:
    out.notice(room.audience, render(TypingNotice(room=room.name, user=by.user)), skip=by.session)


def has_read(room: Room, out: Outgoing, user: User, seq: int) -> None:
    """Says how far `user` has read: in a crowd only to the user's own sessions."""
    mark = render(ReadMark(room=room.name, user=user, seq=seq))
    if room.online <= CROWD:
        out.notice(room.audience, mark)
    else:
        for session, subscription in room.subscriptions_of(user.id):
            out.direct(subscription.address, session, mark)


def tell_owed(room: Room, out: Outgoing, names: bool) -> None:
    """What is owed to a room: who is there, or to a crowd how many; one that is none any more was told all when it
    ceased to be one."""
    if names:
        out.notice(room.audience, everyone(room))
    elif room.online > CROWD:
        out.notice(room.audience, number(room))


def retell(room: Room, out: Outgoing, session: str, address: str) -> None:
    """Says to one session anew what notices have said: who is there, and how far its user has read."""
    subscription = room.subscriptions.get(session)
    if subscription is None or subscription.address != address:
        return
    told = [everyone(room)]
    if (member := room.members.get(subscription.user_id)) is not None:
        user = User(id=subscription.user_id, name=member.name)
        told.append(render(ReadMark(room=room.name, user=user, seq=member.read_seq)))
    out.notice_to(address, session, *told)
