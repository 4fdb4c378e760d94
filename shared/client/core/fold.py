"""What a change makes of a message. docs/protocol.md, "The room is a log of entries".

Each effect sets something to a value: a message that holds a change already comes out of it as it was, and one that
holds later ones is right again once these have been applied, too. A message that stands under another one is counted
there once, since its number says whether it is.
"""

from __future__ import annotations

from shared.client.core.events import Change, Message, Reactions, Replies
from shared.protocol.names import plain_emoji


def fold(message: Message, change: Change) -> Message:
    """`message` after `change`, which is of it. A deleted message stays as it is; so does one after a change that only
    a newer server knows."""
    if message.kind == "deleted":
        return message
    match change.kind:
        case "edit" if message.kind == "chat" and change.text is not None:
            return message._replace(text=change.text, edited_at=change.at, mentions=tuple(sorted(change.mentions)))
        case "delete":
            return message._replace(
                kind="deleted", text="", file=None, edited_at=None, pinned=False, reactions=(), mentions=()
            )  # fmt: skip
        case "react":
            emoji = plain_emoji(change.emoji)
            return message._replace(reactions=_reacted(message.reactions, emoji, change.sender_id, change.on))
        case "pin":
            return message._replace(pinned=change.on)
    return message


def answered(root: Message, reply: Message) -> Message:
    """`root` once `reply` stands under it, also where it is deleted. One that counts the reply already stays as it
    is."""
    total, last_seq, _ = root.replies or (0, 0, "")
    return root if reply.seq <= last_seq else root._replace(replies=Replies(total + 1, reply.seq, reply.at))


def _reacted(reactions: Reactions, emoji: str, user: str, on: bool) -> Reactions:
    users = next((users for known, users in reactions if known == emoji), None)
    if on == (users is not None and user in users):
        return reactions
    of_emoji = {*(users or ()), user} if on else {*(users or ())} - {user}
    others = [(known, who) for known, who in reactions if known != emoji]
    return tuple(sorted([*others, (emoji, tuple(sorted(of_emoji)))] if of_emoji else others))
