"""Which messages an answer lists, of a room in memory: as many as fit, none left out in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.router.core.room import Room, Stored
from shared.protocol.client import History
from shared.protocol.server import JOIN_RECENT

JOIN_PAGE = 200
ANSWER_BYTES = 64 << 10  # of the messages that one answer lists, unless the deployment says otherwise


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
