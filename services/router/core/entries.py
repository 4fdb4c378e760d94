"""The entries of a room's log: messages, each as it is now, and the changes to them."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic_core import from_json

from shared.protocol.codec import more_of, render_change, render_message, timestamp

Reactions = tuple[tuple[str, tuple[str, ...]], ...]
"""(emoji, the ids of who reacted with it), both sorted: they are a set."""


class Replies(NamedTuple):
    """Of the messages that stand under one. `last_ms`: Unix milliseconds. `people`: who wrote the first of them, each
    with the number of their first one there."""

    total: int
    last_seq: int
    last_ms: int
    people: tuple[tuple[str, int], ...]


class Stored(NamedTuple):
    """A message of the log. `kind`: chat, file or deleted; in somebody's own log invited, removed, mention or
    signed_in. `content`: a chat's text, a file's `StoredFile` as JSON, in one's own log an `About` or a `Device` as
    JSON; of the deleted nothing. `at_ms`, `edited_ms`: Unix milliseconds. `frame`: as members see it. `digest`: of what
    was sent first, once that is not there any more: so a message that is sent again is known by it. `mentions`: user
    ids, sorted."""

    seq: int
    sender_id: str
    sender_name: str
    id: str
    kind: str
    content: str
    at_ms: int
    frame: bytes
    reply_to: int | None = None
    edited_ms: int | None = None
    pinned: bool = False
    reactions: Reactions = ()
    digest: str | None = None
    thread: int | None = None
    replies: Replies | None = None
    mentions: tuple[str, ...] = ()


class StoredChange(NamedTuple):
    """A change of the message `of`. `kind`: edit, delete, react or pin. `value`: of an edit the digest of what it says,
    of a reaction "+" or "-" and the emoji, of a pin "+" or "-", of a file's deletion the file's id. The text of an edit
    stands in its message alone. `frame`: as members see it, with the message's text and mentions of today.

    Or a change of the room itself, with 0 for `of`: kind `member` (`value`: JSON of `user` and `role`), or `room`
    (of what was set; and `users`, whom a `create` named, to know it again)."""

    seq: int
    sender_id: str
    sender_name: str
    id: str
    kind: str
    value: str
    at_ms: int
    frame: bytes
    of: int


Entry = Stored | StoredChange


def stored(
    room: str,
    seq: int,
    sender_id: str,
    sender_name: str,
    id: str,
    kind: str,
    content: str,
    at_ms: int,
    reply_to: int | None = None,
    edited_ms: int | None = None,
    pinned: bool = False,
    reactions: Reactions = (),
    digest: str | None = None,
    thread: int | None = None,
    replies: Replies | None = None,
    mentions: tuple[str, ...] = (),
) -> Stored:
    more = b""
    if reply_to or edited_ms or pinned or reactions or thread or replies or mentions:
        more = _more(reply_to, edited_ms, pinned, reactions, thread, replies, mentions)
    frame = render_message(room, seq, id, kind, sender_id, sender_name, at_ms, content, more=more)
    return Stored(
        seq, sender_id, sender_name, id, kind, content, at_ms, frame, reply_to, edited_ms, pinned, reactions, digest,
        thread, replies, mentions,
    )  # fmt: skip


def _more(
    reply_to: int | None,
    edited_ms: int | None,
    pinned: bool,
    reactions: Reactions,
    thread: int | None,
    replies: Replies | None,
    mentions: tuple[str, ...],
) -> bytes:
    fields: dict[str, Any] = {}
    if reply_to:
        fields["reply_to"] = reply_to
    if thread:
        fields["thread"] = thread
    if replies:
        last_at = timestamp(replies.last_ms)
        fields["replies"] = {"count": replies.total, "last_seq": replies.last_seq, "last_at": last_at}
    if edited_ms:
        fields["edited_at"] = timestamp(edited_ms)
    if pinned:
        fields["pinned"] = True
    if reactions:
        fields["reactions"] = [{"emoji": emoji, "users": users} for emoji, users in reactions]
    if mentions:
        fields["mentions"] = mentions
    return more_of(fields)


def again(room: str, message: Stored, **changed: Any) -> Stored:
    """`message` with these fields, rendered anew."""
    m = message._replace(**changed)
    return stored(
        room, m.seq, m.sender_id, m.sender_name, m.id, m.kind, m.content, m.at_ms, m.reply_to, m.edited_ms, m.pinned,
        m.reactions, m.digest, m.thread, m.replies, m.mentions,
    )  # fmt: skip


def stored_change(
    room: str,
    seq: int,
    sender_id: str,
    sender_name: str,
    id: str,
    kind: str,
    value: str,
    at_ms: int,
    of: int,
    text: str | None,
    mentions: tuple[str, ...] = (),
) -> StoredChange:
    """`text`, `mentions`: of an edit, what its message has today; None where it was deleted."""
    fields: dict[str, Any] = {}
    if kind == "edit" and text is not None:
        fields = {"text": text, "mentions": mentions} if mentions else {"text": text}
    elif kind == "react":
        fields = {"emoji": value[1:], "on": value[0] == "+"}
    elif kind == "pin":
        fields = {"on": value[0] == "+"}
    elif not of:
        fields = from_json(value)
        fields.pop("users", None)
    frame = render_change(room, seq, id, kind, sender_id, sender_name, at_ms, of or None, more_of(fields))
    return StoredChange(seq, sender_id, sender_name, id, kind, value, at_ms, frame, of)


def of_today(room: str, edit: StoredChange, message: Stored) -> StoredChange:
    """`edit`, whose message is this by now."""
    e, text = edit, message.content if message.kind == "chat" else None
    return stored_change(
        room, e.seq, e.sender_id, e.sender_name, e.id, e.kind, e.value, e.at_ms, e.of, text, message.mentions
    )


def without_text(room: str, change: StoredChange) -> StoredChange:
    """`change`, whose message is not kept any more: what an edit says stood there alone."""
    c = change
    if c.kind != "edit":
        return c
    return stored_change(room, c.seq, c.sender_id, c.sender_name, c.id, c.kind, c.value, c.at_ms, c.of, None)


def whose_text(entry: Entry) -> int | None:
    """The message whose text, reactions and so on `entry` bears as they were when it was read; None: it bears none."""
    if type(entry) is Stored:
        return entry.seq
    return entry.of if entry.kind == "edit" else None  # type: ignore[union-attr]


def digest_of(kind: str, content: str, mentions: tuple[str, ...] = ()) -> str:
    """What a message or an edit is known by once its text has gone."""
    called = f"@{' '.join(mentions)}" if mentions else ""
    return blake2b(f"{kind}{called}\n{content}".encode(), digest_size=16).hexdigest()
