"""Rows of the message store and what they stand for: which columns, in which order, and how values are written in
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Select, case, cast, null, select

from services.router.core.entries import Entry, Reactions, Replies, Stored, stored, stored_change
from services.router.core.room import ANY, PLAIN, Rules
from services.router.tables import changes, messages

_STATE = (
    messages.c.reply_to, messages.c.edited_ms, messages.c.pinned, messages.c.reactions, messages.c.digest,
    messages.c.thread, messages.c.replies,
)  # fmt: skip
MESSAGE = (
    messages.c.seq, messages.c.sender_id, messages.c.sender_name, messages.c.id, messages.c.kind, messages.c.content,
    messages.c.at_ms, *_STATE, messages.c.mentions,
)  # fmt: skip


def reactions_in(message: Stored) -> str | None:
    """Its reactions as the column holds them."""
    return to_json(message.reactions).decode() if message.reactions else None


def _read(reactions: str | None) -> Reactions:
    return tuple((emoji, tuple(users)) for emoji, users in from_json(reactions)) if reactions else ()


def replies_in(message: Stored) -> str | None:
    return to_json(message.replies).decode() if message.replies else None


def _replies(written: str | None) -> Replies | None:
    if not written:
        return None
    total, last_seq, last_ms, people = from_json(written)
    return Replies(total, last_seq, last_ms, tuple((user, seq) for user, seq in people))


def mentions_in(message: Stored) -> str | None:
    return to_json(message.mentions).decode() if message.mentions else None


def _mentions(written: str | None) -> tuple[str, ...]:
    return tuple(from_json(written)) if written else ()


def rules_in(rules: Rules) -> str:
    """As the column holds them."""
    return to_json(rules.told()).decode()


def rules_of(written: str | None) -> Rules:
    """What a newer build has set beside is left alone."""
    return Rules(**{name: value for name, value in from_json(written).items() if name in PLAIN}) if written else ANY


def _nothing(like: Any, name: str) -> Any:
    """A column without values that goes with `like` into one table."""
    return cast(null(), like.type).label(name)


def message_rows() -> Select[Any]:
    return select(*MESSAGE, _nothing(changes.c.of_seq, "of_seq"), _nothing(messages.c.content, "text"))


def change_rows() -> Select[Any]:
    """The columns of `message_rows`; `content` is the change's value, `text` and `mentions` an edited message's of
    today."""

    def of_edited(column: Any) -> Any:
        edited = messages.c.room_id == changes.c.room_id, messages.c.seq == changes.c.of_seq, changes.c.kind == "edit"
        return select(column).where(*edited).correlate(changes).scalar_subquery()

    text = of_edited(case((messages.c.kind == "chat", messages.c.content)))
    nothing = (_nothing(column, column.name) for column in _STATE)
    return select(
        changes.c.seq, changes.c.sender_id, changes.c.sender_name, changes.c.id, changes.c.kind,
        changes.c.value.label("content"), changes.c.at_ms, *nothing, of_edited(messages.c.mentions).label("mentions"),
        changes.c.of_seq, text.label("text"),
    )  # fmt: skip


def entry_of(room: str, row: Any, first: int = 1) -> Entry:
    """Of a row of `message_rows` or `change_rows`. `first`: the oldest entry that is kept; what was edited before that
    has no text any more."""
    *message, of, text = row
    if of is None:
        return message_of(room, message)
    seq, sender_id, sender_name, id, kind, value, at_ms, *_, mentions = message
    if 0 < of < first:
        text = mentions = None
    return stored_change(room, seq, sender_id, sender_name, id, kind, value, at_ms, of, text, _mentions(mentions))


def message_of(room: str, columns: Sequence[Any]) -> Stored:
    """Of `MESSAGE`, in its order: asking a row for each by its name costs more than all the rest."""
    (
        seq, sender_id, sender_name, id, kind, content, at_ms, reply_to, edited_ms, pinned, reactions, digest, thread,
        replies, mentions,
    ) = columns  # fmt: skip
    return stored(
        room, seq, sender_id, sender_name, id, kind, content, at_ms, reply_to, edited_ms, bool(pinned),
        _read(reactions), digest, thread, _replies(replies), _mentions(mentions),
    )  # fmt: skip
