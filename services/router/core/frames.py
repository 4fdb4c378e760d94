"""The router's answers as bytes. Messages are rendered already: their frames are spliced in, not rendered again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic_core import to_json

from services.router.core.outgoing import Out, Outgoing
from services.router.core.room import Room, Stored
from shared.protocol.client import History
from shared.protocol.codec import listed, pack, render
from shared.protocol.errors import ErrorCode
from shared.protocol.names import coined
from shared.protocol.server import JOIN_ONLINE, JOIN_RECENT, Left, error

JOIN_PAGE = 200
RETRY_AFTER_MS = 1_000
ANSWER_BYTES = 64 << 10  # of the messages that one answer lists, unless the deployment says otherwise

TEXT = {
    ErrorCode.NOT_JOINED: "You are not a member of this room. Join it first.",
    ErrorCode.NO_SUCH_ROOM: "There is no room of this name.",
    ErrorCode.ID_REUSED: "This id was already used for another message of yours in this room. Send it under a new id.",
    ErrorCode.UNAVAILABLE: "The message store cannot be reached. Nothing is lost; try again in a moment.",
    ErrorCode.OVERLOADED: "The server is overloaded. Try again in a moment.",
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


def overloaded(out: Out) -> Out | None:
    """What is said in place of an answer that could not be: that it be asked for again. None: `out` is no answer."""
    answer = out.answer
    if answer is None:
        return None
    instead = Outgoing("")
    instead.answer(out.to.addresses[0], answer, refusal(ErrorCode.OVERLOADED, answer.ref, RETRY_AFTER_MS))
    return instead.done()[0]


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


def opening(room: Room, after: int | None, bytes_: int) -> tuple[list[Stored], bool] | None:
    """What `joined` shows, and whether there is more: the first messages after `after`, or the last ones without it, as
    far as they fit into `bytes_`. None: they are not in memory."""
    if after is None:
        recent = room.before(room.seq + 1, JOIN_RECENT)
        shown = newest(recent if recent is not None else list(room.recent)[-JOIN_RECENT:], bytes_)
        return shown, bool(shown) and shown[0].seq > 1
    found = room.after(after, JOIN_PAGE)
    return None if found is None else _first(room, found, bytes_)


def opening_from(room: Room, after: int, page: Sequence[Stored], bytes_: int) -> tuple[list[Stored], bool]:
    """The same where `page` has been read from the store. It may be older than the room: the rest is in memory."""
    found = list(page)
    if len(found) < JOIN_PAGE:
        found += room.after(found[-1].seq if found else after, JOIN_PAGE - len(found)) or []
    return _first(room, found, bytes_)


def _first(room: Room, found: Sequence[Stored], bytes_: int) -> tuple[list[Stored], bool]:
    shown = oldest(found, bytes_)
    return shown, bool(shown) and shown[-1].seq < room.seq


def page(room: Room, wanted: History, bytes_: int) -> tuple[list[Stored], bool] | None:
    """What `history` shows, as far as it fits into `bytes_`, and whether there is more that way. None: it is not in
    memory."""
    if wanted.after is not None:
        found = room.after(wanted.after, wanted.limit)
        shown = oldest(found or [], bytes_)
        more = bool(shown) and shown[-1].seq < room.seq
    else:
        end = room.seq + 1
        found = room.before(end if wanted.before is None else min(wanted.before, end), wanted.limit)
        shown = newest(found or [], bytes_)
        more = bool(shown) and shown[0].seq > 1
    return None if found is None else (shown, more)


def missed(room: Room, after: int, bytes_: int) -> list[Stored]:
    """What a gateway that resumes is sent: what came after `after`. Where not all of that is in memory, or it is too
    much, the newest shows the members that there is a gap, and they ask for it."""
    found = oldest(room.after(after, JOIN_PAGE) or [], bytes_)
    reaches = found[-1].seq if found else after
    return found + [message for message in list(room.recent)[-1:] if message.seq > reaches]


def history(room: str, messages: Sequence[Stored], more: bool, ref: str | None) -> bytes:
    return b'{"type":"history","room":%b,"messages":[%b],"more":%b%b}' % (
        to_json(room),
        b",".join(listed(m.frame) for m in messages),
        to_json(more),
        _ref(ref),
    )


def left(room: str, ref: str | None) -> bytes:
    return render(Left(room=room, ref=ref))


def with_ref(message: Stored, ref: str | None) -> bytes:
    """The sender's own copy: the acknowledgement."""
    return message.frame if ref is None else message.frame[:-1] + _ref(ref) + b"}"
