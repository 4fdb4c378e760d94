"""The router's answers as bytes. Messages are rendered already: their frames are spliced in, not rendered again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic_core import to_json

from services.router.core.room import Room, Stored
from shared.protocol.codec import listed, pack, render
from shared.protocol.errors import ErrorCode
from shared.protocol.names import coined
from shared.protocol.server import JOIN_ONLINE, JOIN_RECENT, Left, Presence, User, error

JOIN_PAGE = 200
ANSWER_BYTES = 64 << 10  # of the messages that one answer lists, unless the deployment says otherwise
CROWD = 100  # rooms of more than this many online tell only how many

EVERYONE = 300  # users whose state a gateway that resumes is told: all who are online, and so many who are not

TEXT = {
    ErrorCode.NOT_JOINED: "You are not a member of this room. Join it first.",
    ErrorCode.NO_SUCH_ROOM: "There is no room of this name.",
    ErrorCode.ID_REUSED: "This id was already used for another message of yours in this room. Send it under a new id.",
    ErrorCode.UNAVAILABLE: "The message store cannot be reached. Nothing is lost; try again in a moment.",
    ErrorCode.OVERLOADED: "The server has more to do than it can. Try again in a moment.",
}


def refusal(code: ErrorCode, ref: str | None, retry_after_ms: int | None = None, text: str | None = None) -> bytes:
    """`text`: a sentence that says more than the code's own."""
    return render(error(code, text or TEXT[code], ref, retry_after_ms))


def not_coined(room: str) -> str:
    """Why there is no room of this name, and none comes into being."""
    name = coined(room)
    if not name:
        return "There is no room of this name, and a new one needs a name that can be seen."
    return f"There is no room of this name. A new room is named in small letters: {name}"


def _ref(ref: str | None) -> bytes:
    return b"" if ref is None else b',"ref":' + to_json(ref)


def joined(room: Room, messages: Sequence[Stored], more: bool, ref: str | None) -> bytes:
    return b'{"type":"joined","room":%b,"seq":%d,"members":%d,"online":[%b],"messages":[%b],"more":%b%b}' % (
        to_json(room.name),
        room.seq,
        room.online,
        b",".join(pack(user) for user in room.online_users(JOIN_ONLINE)),
        b",".join(listed(m.frame) for m in messages),
        to_json(more),
        _ref(ref),
    )


def oldest(messages: Iterable[Stored], bytes_: int) -> list[Stored]:
    """The first of `messages` that fit into `bytes_` as rendered: one at least, and none is left out in between."""
    fit: list[Stored] = []
    for message in messages:
        bytes_ -= len(message.frame)
        if bytes_ < 0 and fit:
            break
        fit.append(message)
    return fit


def newest(messages: Sequence[Stored], bytes_: int) -> list[Stored]:
    """The last of `messages` that fit, likewise, in the order in which they came."""
    return oldest(reversed(messages), bytes_)[::-1]


def opening(
    room: Room, after: int | None, page: Sequence[Stored] | None, bytes_: int
) -> tuple[list[Stored], bool] | None:
    """What `joined` shows, and whether there is more: the first messages after `after`, or the last ones without it, as
    far as they fit into `bytes_`. None: they are not in memory, so `page` must be read. `page` may be older than the
    room: the rest is in memory."""
    if after is None:
        recent = room.before(room.seq + 1, JOIN_RECENT)
        shown = newest(recent if recent is not None else list(room.recent)[-JOIN_RECENT:], bytes_)
        return shown, bool(shown) and shown[0].seq > 1
    if page is None:
        found = room.after(after, JOIN_PAGE)
        if found is None:
            return None
    else:
        found = list(page)
        if len(found) < JOIN_PAGE:
            found += room.after(found[-1].seq if found else after, JOIN_PAGE - len(found)) or []
    shown = oldest(found, bytes_)
    return shown, bool(shown) and shown[-1].seq < room.seq


def history(room: str, messages: Sequence[Stored], more: bool, ref: str | None) -> bytes:
    return b'{"type":"history","room":%b,"messages":[%b],"more":%b%b}' % (
        to_json(room),
        b",".join(listed(m.frame) for m in messages),
        to_json(more),
        _ref(ref),
    )


def left(room: str, ref: str | None) -> bytes:
    return render(Left(room=room, ref=ref))


def crowd(room: Room) -> bytes:
    """The presence of a large room: how many."""
    return render(Presence(room=room.name, members=room.online))


def everyone(room: Room) -> list[bytes]:
    """Who is online and who is not, for a gateway that may have missed some of it; in a crowd, how many."""
    if room.online > CROWD:
        return [crowd(room)]
    shown = sorted(room.members.items(), key=lambda member: not room.is_online(member[0]))[:EVERYONE]
    return [
        render(Presence(room=room.name, user=User(id=id, name=m.name), online=room.is_online(id), members=room.online))
        for id, m in shown
    ]


def with_ref(message: Stored, ref: str | None) -> bytes:
    """The sender's own copy: the acknowledgement."""
    return message.frame if ref is None else message.frame[:-1] + _ref(ref) + b"}"
