"""The router's answers as bytes. An entry was rendered when it got its number, or was changed: it is
spliced in as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic_core import to_json

from services.router.core.entries import Entry, Stored, StoredChange
from services.router.core.events import Listing
from shared.protocol.codec import listed, pack, render
from shared.protocol.server import JoinedRoom, RefusedRoom, Resumed, RoomList, RoomSummary, ServerBase

_NO_MESSAGES = b'"messages":[]'
_NO_ROOMS = b'"rooms":[]'


def answer(said: ServerBase | Listing | Entry, ref: str | None) -> bytes:
    match said:
        case Stored() | StoredChange():
            return own_copy(said, ref)
        case Listing(frame, messages):
            return listing(frame, messages)
    return render(said)


def own_copy(entry: Entry, ref: str | None) -> bytes:
    """The sender's own copy of `entry`: the acknowledgement."""
    return entry.frame if ref is None else b'%b,"ref":%b}' % (entry.frame[:-1], to_json(ref))


def listing(frame: ServerBase, entries: Iterable[Entry]) -> bytes:
    """`frame`, with these entries in its empty list of messages."""
    return _filled(render(frame), _NO_MESSAGES, (listed(entry.frame) for entry in entries))


def resumed_room(answer: JoinedRoom | RefusedRoom, entries: Sequence[Entry]) -> bytes:
    """One of the `rooms` of `resumed`."""
    rendered = pack(answer)
    return _filled(rendered, _NO_MESSAGES, (listed(entry.frame) for entry in entries)) if entries else rendered


def resumed(rooms: Iterable[bytes], ref: str | None) -> bytes:
    return _filled(render(Resumed(rooms=[], ref=ref)), _NO_ROOMS, rooms)


def rooms(summaries: Sequence[tuple[RoomSummary, Stored | None]], ref: str | None) -> bytes:
    """`rooms`; each with its newest message, where it is to be shown."""
    return _filled(render(RoomList(rooms=[], ref=ref)), _NO_ROOMS, (_summary(*each) for each in summaries))


def _summary(room: RoomSummary, last: Stored | None) -> bytes:
    rendered = to_json(room, exclude_none=True, by_alias=True)
    return rendered if last is None else b'%b,"last":%b}' % (rendered[:-1], listed(last.frame))


def _filled(rendered: bytes, empty: bytes, entries: Iterable[bytes]) -> bytes:
    """`empty`: the list, as it was rendered. No string can hold that: its quotes would be escaped there."""
    before, _, after = rendered.partition(empty)
    return b"%b%b%b]%b" % (before, empty[:-1], b",".join(entries), after)
