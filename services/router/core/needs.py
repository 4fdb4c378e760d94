"""What a batch needs of the store beyond the room in memory, asked before it is stepped and loaded in one go.

A message that is changed or answered may be far older than memory. One that is sent again may be, too; nearly none is,
and the store knows every id anyhow: so at first an id that is not in memory counts as new, without a read, and only of
a batch that the store has sent back are the ids looked up; and of what changes something old, since it may be refused
for what has become of that since it was stored. What a `join` or a `history` lists from further back is no need of the
batch: the step names it (`Changes.reads`) and it is read beside, so that nobody waits for it. When it comes back, what
was changed among it meanwhile is looked up: a text that is gone by now is not said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from services.router.core.changes import DeepPage, Item
from services.router.core.entries import Entry, Stored, StoredChange, whose_text
from services.router.core.room import RECENT, Room
from shared.protocol.bus import Submit

Key = tuple[str, str]
"""The (sender, id) of an entry."""


class Needs(NamedTuple):
    """The entries under these ids, the messages with these numbers, and what these users are called."""

    keys: Sequence[Key]
    seqs: Iterable[int]
    users: Iterable[str] = ()


class Older(NamedTuple):
    """What was looked up."""

    by_key: Mapping[Key, Entry]
    by_seq: Mapping[int, Stored]
    people: Mapping[str, str] = MappingProxyType({})


NOTHING = Older(MappingProxyType({}), MappingProxyType({}))


def needs(room: Room, items: Sequence[Item], sent_back: bool) -> Needs | None:
    """What to look up for the room's `items`; None: nothing. `sent_back`: the store has refused what was decided on
    them. What is in memory is among it, since the batch's own entries may push it out before its turn."""
    pushed_out = max(0, len(room.recent) + len(items) - RECENT)
    reach = room.oldest_recent + pushed_out
    first = room.first
    about: list[Item] = []  # may be refused for what has become of something since it was stored
    seqs, users = set[int](), set[str]()
    for item in items:  # once for each message of the hot path, so by `type` and without a call
        message = item.message
        if type(message) is DeepPage:
            seqs |= _overtaken(room, message, reach)
            continue
        if type(message) is not Submit:
            continue
        frame, of = message.frame, None
        if frame.type == "chat":
            of = frame.reply_to
            if frame.thread is not None and first <= frame.thread < reach and frame.thread <= room.seq:
                about.append(item)
                seqs.add(frame.thread)
        elif frame.type in _CHANGING:
            of = frame.of  # type: ignore[union-attr]
        elif frame.type == "create" or frame.type == "direct":
            about.append(item)  # a room is made once, and may be asked for long after
            users.update(frame.users)
        elif frame.type == "invite":
            users.add(frame.user)
        if of is not None and first <= of < reach and of <= room.seq:
            about.append(item)
            seqs.add(of)
    users -= room.members.keys()
    if not about and not seqs and not users and not sent_back:
        return None
    keys = [key for item in (items if sent_back else about) if (key := item.idempotency_key) is not None]
    return Needs(keys, seqs, users)


def _overtaken(room: Room, page: DeepPage, reach: int) -> set[int]:
    """The messages before `reach` of which `page` has a text, and that were changed since it was read, or may have
    been: memory goes back only so far."""
    if page.as_of >= room.seq:
        return set()
    listed = {seq for entry in page.page if (seq := whose_text(entry)) is not None and room.first <= seq < reach}
    if page.as_of + 1 < reach:
        return listed
    return listed & {each.of for each in room.recent if type(each) is StoredChange and each.seq > page.as_of}


_CHANGING = frozenset({"edit", "delete", "react", "pin"})
