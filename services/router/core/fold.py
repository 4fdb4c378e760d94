"""What a change does to its message: the message as it is after it, or why not. State is a fold of changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic_core import from_json

from services.router.core.entries import Reactions, Replies, Stored, again, digest_of
from shared.protocol.client import Delete, Edit, Pin, React
from shared.protocol.errors import ErrorCode, Refused

EMOJI_OF_A_MESSAGE: Final = 20
REACTIONS_OF_A_MESSAGE: Final = 500
"""Of all emoji together: who reacted is told by name, with every page."""

PEOPLE_OF_A_THREAD: Final = 100
"""So many, the first who have written there, are told of what follows."""

Changing = Edit | Delete | React | Pin


def value_of(frame: Changing, target: Stored | None = None) -> str:
    """What is stored of a change, see `StoredChange`. `target`: its message, as it was before."""
    match frame:
        case Edit(text=text, mentions=mentions):
            return digest_of("chat", text, named(mentions))
        case React(emoji=emoji, on=on):
            return ("+" if on else "-") + emoji
        case Pin(on=on):
            return "+" if on else "-"
        case Delete():
            return str(from_json(target.content)["id"]) if target is not None and target.kind == "file" else ""


def changed(room: str, target: Stored, frame: Changing, user_id: str, now_ms: int, moderates: bool = False) -> Stored:
    """`target`, which is not deleted, after `frame` of this user, who may moderate the room. Raises `Refused`:
    `forbidden`."""
    if target.sender_id != user_id and (frame.type == "edit" or (frame.type == "delete" and not moderates)):
        raise Refused(ErrorCode.FORBIDDEN, "Only who wrote a message may edit or delete it.")
    match frame:
        case Edit(text=text, mentions=mentions):
            if target.kind != "chat":
                raise Refused(ErrorCode.FORBIDDEN, "A file has no text that could be edited.")
            return again(
                room, target, content=text, edited_ms=now_ms, digest=_digest(target), mentions=named(mentions)
            )  # fmt: skip
        case Delete():
            nothing: Reactions = ()
            return again(
                room, target, kind="deleted", content="", edited_ms=None, pinned=False, reactions=nothing,
                digest=_digest(target), mentions=(),
            )  # fmt: skip
        case React(emoji=emoji, on=on):
            return again(room, target, reactions=_reacted(target.reactions, emoji, user_id, on))
        case Pin(on=on):
            return again(room, target, pinned=on)


def answered(room: str, root: Stored, reply: Stored) -> Stored:
    """`root`, under which `reply` stands as the newest."""
    before = root.replies or Replies(0, 0, 0, ())
    people = before.people
    if len(people) < PEOPLE_OF_A_THREAD and all(user != reply.sender_id for user, _ in people):
        people = (*people, (reply.sender_id, reply.seq))
    return again(room, root, replies=Replies(before.total + 1, reply.seq, reply.at_ms, people))


def named(users: Iterable[str] | None) -> tuple[str, ...]:
    """These users as a message mentions them: a set, in one order."""
    return tuple(sorted(set(users))) if users else ()


def _digest(message: Stored) -> str:
    return message.digest or digest_of(message.kind, message.content, message.mentions)


def _reacted(reactions: Reactions, emoji: str, user_id: str, on: bool) -> Reactions:
    """A set has one order: so whoever applies a change twice, or late, ends with the same bytes."""
    users = {each: set(who) for each, who in reactions}
    if on and user_id not in users.get(emoji, ()):
        if emoji not in users and len(users) >= EMOJI_OF_A_MESSAGE:
            text = f"A message takes {EMOJI_OF_A_MESSAGE} different reactions at most."
            raise Refused(ErrorCode.FORBIDDEN, text)
        if sum(map(len, users.values())) >= REACTIONS_OF_A_MESSAGE:
            raise Refused(ErrorCode.FORBIDDEN, f"A message takes {REACTIONS_OF_A_MESSAGE} reactions at most.")
        users.setdefault(emoji, set()).add(user_id)
    elif not on and emoji in users:
        users[emoji].discard(user_id)
    return tuple((each, tuple(sorted(who))) for each, who in sorted(users.items()) if who)
