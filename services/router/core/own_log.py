"""What people find in their own logs: which entry of a room says it, to whom it is owed, and how it comes there."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from pydantic_core import to_json

from services.router.core.changes import Notify
from services.router.core.entries import Stored
from services.router.core.events import Said
from shared.protocol.room_names import is_direct
from shared.protocol.server import About, AboutMessage, User

if TYPE_CHECKING:
    from services.router.core.room_batch import RoomBatch

Why = Literal["mention", "reply", "direct"]


def write(batch: RoomBatch, to: User, sender: User, id: str, kind: str, content: str) -> None:
    """An entry of the own log of `to`, which may begin with it. `content`: as it is stored, JSON."""
    room = batch.room
    if not room.exists:
        room.exists = True
        batch.admit(to)
    entry = batch.sent_before(sender.id, id)
    if entry is None:
        entry = batch.new_message(sender, id, kind, content)
    else:
        # Whoever has written it may have died before it was said; who has it drops it by its seq.
        batch.changes.requires_version_check = True
    batch.events.append(Said(room.audience, entry))


def tell(
    batch: RoomBatch, by: User, to: User, kind: Literal["invited", "removed", "mention"], seq: int, about: About
) -> None:
    """`seq`: of the entry that says it here; so it is the same notice, however often it is said."""
    id = "~" + blake2b(f"{batch.room.name}\n{seq}".encode(), digest_size=16).hexdigest()
    content = to_json(about, exclude_none=True).decode()
    batch.changes.requires_version_check = True
    batch.changes.notices.append(Notify(to=to, sender=by, id=id, kind=kind, content=content))


def tell_of_message(batch: RoomBatch, message: Stored) -> None:
    """Whoever is called by `message`: whom it mentions, who takes part in its thread, whom its sender is in a direct
    room with."""
    owed: dict[str, Why] = {}
    if is_direct(batch.room.name):
        owed = dict.fromkeys(batch.room.members, "direct")
    if message.thread is not None and (root := batch.known(message.thread)) is not None:
        earlier = (user for user, seq in (root.replies.people if root.replies else ()) if seq < message.seq)
        owed |= dict.fromkeys([root.sender_id, *earlier], "reply")
    owed |= dict.fromkeys(message.mentions, "mention")
    _tell(batch, message, owed)


def tell_of_mentions(batch: RoomBatch, message: Stored, users: Iterable[str]) -> None:
    """Whom `message` mentions since it was edited. Told once of a message, however often that is edited."""
    _tell(batch, message, dict.fromkeys(sorted(users), "mention"))


def _tell(batch: RoomBatch, message: Stored, owed: dict[str, Why]) -> None:
    room, by = batch.room, User(id=message.sender_id, name=message.sender_name)
    for user, why in owed.items():
        if user != by.id and user in room.members:
            about = AboutMessage(
                room=room.name, title=room.rules.title or None, of=message.seq, thread=message.thread, why=why
            )
            tell(batch, by, User(id=user, name=room.members[user].name), "mention", message.seq, about)
