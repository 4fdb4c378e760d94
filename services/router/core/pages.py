"""Which messages an answer lists, of a room in memory: as many as fit, none left out in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from services.router.core.entries import Entry
from services.router.core.room import Room
from shared.protocol.client import History
from shared.protocol.server import JOIN_RECENT

JOIN_PAGE = 200
ANSWER_BYTES = 64 << 10  # of the messages that one answer lists, unless the deployment says otherwise
RESUMED_BYTES = 512 << 10
"""Of the messages that a `resume` is answered with, in all of its rooms together: they are sent at once, and have to
find room where a client reads slowly (`gateway_send_bytes`)."""


E = TypeVar("E", bound=Entry)


class Shown(NamedTuple):
    """What an answer lists, and whether there is more. The messages among it hold all changes up to `as_of`."""

    entries: Sequence[Entry]
    more: bool
    as_of: int


def oldest(entries: Iterable[E], bytes_: int, least: int = 1) -> list[E]:
    """The first of `entries` that fit into `bytes_` as rendered: `least` always, and none is left out in between."""
    fit: list[E] = []
    for entry in entries:
        bytes_ -= len(entry.frame)
        if bytes_ < 0 and len(fit) >= least:
            break
        fit.append(entry)
    return fit


def newest(entries: Sequence[E], bytes_: int) -> list[E]:
    """The last of `entries` that fit, likewise, in the order in which they came."""
    return oldest(reversed(entries), bytes_)[::-1]


def fitting(entries: Sequence[E], after: int | None, bytes_: int) -> list[E]:
    """What fits of a page: of one that leads on from `after` the oldest, else the newest."""
    return (newest if after is None else oldest)(entries, bytes_)


def opening(room: Room, after: int | None, bytes_: int) -> Shown | None:
    """What `joined` shows: the first entries after `after`, or the last messages without it, as far as they fit into
    `bytes_`. None: they are not in memory."""
    if after is None:
        recent = room.before(room.seq + 1, JOIN_RECENT)
        return None if recent is None else _last(room, newest(recent, bytes_), room.seq)
    found = room.after(after, JOIN_PAGE)
    return None if found is None else _first(room, found, bytes_, room.seq)


def resuming(room: Room, after: int, bytes_: int) -> Shown:
    """The same for one of many rooms: without a word of what is not in memory, or does not fit, that is `more`."""
    shown = oldest(room.after(after, JOIN_PAGE) or [], bytes_, least=0)
    return Shown(shown, (shown[-1].seq if shown else max(after, room.first - 1)) < room.seq, room.seq)


def opening_from(room: Room, after: int | None, page: Sequence[Entry], as_of: int, bytes_: int) -> Shown:
    """The same where `page` has been read from the store. It may be older than the room. What came since then and is
    in memory follows a page of entries; after a page of messages the client asks for it, since there may be changes
    among it."""
    if after is None:
        return _last(room, newest(page, bytes_), as_of)
    found = list(page)
    if len(found) < JOIN_PAGE:
        found += room.after(found[-1].seq if found else after, JOIN_PAGE - len(found)) or []
    return _first(room, found, bytes_, as_of)


def _first(room: Room, found: Sequence[Entry], bytes_: int, as_of: int) -> Shown:
    shown = oldest(found, bytes_)
    return Shown(shown, bool(shown) and shown[-1].seq < room.seq, as_of)


def _last(room: Room, shown: Sequence[Entry], as_of: int) -> Shown:
    return Shown(shown, bool(shown) and shown[0].seq > room.first, as_of)


def page(room: Room, wanted: History, bytes_: int) -> Shown | None:
    """What `history` shows, as far as it fits into `bytes_`. None: it is not in memory, as threads never are."""
    if wanted.thread is not None:
        return None
    if wanted.after is not None:
        found = room.after(wanted.after, wanted.limit)
        return None if found is None else _first(room, found, bytes_, room.seq)
    end = room.seq + 1
    messages = room.before(end if wanted.before is None else min(wanted.before, end), wanted.limit)
    return None if messages is None else _last(room, newest(messages, bytes_), room.seq)


def page_from(read: Sequence[Entry], more: bool, as_of: int, after: int | None, bytes_: int) -> Shown:
    """The same where it has been `read` from the store."""
    shown = fitting(read, after, bytes_)
    return Shown(shown, more or len(shown) < len(read), as_of)


def missed(room: Room, after: int, bytes_: int) -> list[Entry]:
    """What a gateway that resumes is sent: what came after `after`. Where not all of that is in memory, or it is too
    much, the newest shows the members that there is a gap, and they ask for it."""
    found = oldest(room.after(after, JOIN_PAGE) or [], bytes_)
    reaches = found[-1].seq if found else after
    return found + [entry for entry in list(room.recent)[-1:] if entry.seq > reaches]
