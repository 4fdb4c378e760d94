"""Messages and the changes to them, as members send them: each gets its number once, and whom it calls is told."""

from __future__ import annotations

from services.router.core.entries import Stored, StoredChange, digest_of
from services.router.core.fold import Changing, answered, changed, value_of
from services.router.core.own_log import tell_of_mentions, tell_of_message
from services.router.core.room_batch import RoomBatch
from services.router.core.rules import is_plain, moderates, require_open, require_posting
from shared.protocol.bus import Post, Submit
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.room_names import is_direct


def append(
    batch: RoomBatch,
    by: Submit | Post,
    id: str,
    kind: str,
    content: str,
    redelivered: bool,
    settle: str | None,
    reply_to: int | None = None,
    thread: int | None = None,
    mentions: tuple[str, ...] = (),
) -> None:
    """Numbers a message, or finds that it has its number already."""
    user, ref = by.user, by.frame.ref if by.type == "submit" else by.ref
    entry = batch.sent_before(user.id, id)
    same = type(entry) is Stored and _is(entry, kind, content, reply_to, thread, mentions)
    if same and redelivered and entry.seq >= batch.room.first:  # type: ignore[union-attr]
        # Whoever has stored it may have died before it told anybody; also where its author has left since.
        tell_of_message(batch, entry)  # type: ignore[arg-type]
    if not batch.is_member(by, ref or id, settle):
        return
    if entry is not None:
        batch.say_again(by, entry, same, ref, settle, redelivered)
        return
    # Where nothing was set every member writes: asked first, once for each message.
    plain = is_plain(batch.room)
    if not plain and not batch.allows(require_posting, by, ref or id, settle):
        return
    if reply_to is not None and batch.message(reply_to) is None:
        batch.refuse(by, ErrorCode.NO_SUCH_MESSAGE, ref or id, settle)
        return
    if thread is not None and not _may_hang(batch, by, thread, ref or id, settle):
        return
    message = batch.new_message(user, id, kind, content, reply_to, thread, mentions)
    if thread is not None or mentions or (not plain and is_direct(batch.room.name)):
        _call(batch, message)
    batch.say(by, message, ref, settle)


def _may_hang(batch: RoomBatch, by: Submit | Post, thread: int, ref: str, settle: str | None) -> bool:
    """Whether a message may stand under `thread`; else it is refused."""
    root = batch.message(thread)
    if root is None:
        batch.refuse(by, ErrorCode.NO_SUCH_MESSAGE, ref, settle)
    elif root.thread is not None:
        text = "That message stands in a thread itself. Answer in its thread."
        batch.refuse(by, ErrorCode.FORBIDDEN, ref, settle, text=text)
    return root is not None and root.thread is None


def _call(batch: RoomBatch, message: Stored) -> None:
    """What a new message does beyond its room's log: to the one under which it stands, and to whom it calls."""
    root = None if message.thread is None else batch.known(message.thread)
    if root is not None:
        batch.put_message(answered(batch.room.name, root, message))
    _count_mentions(batch, message, ())
    tell_of_message(batch, message)


def _count_mentions(batch: RoomBatch, message: Stored, before: tuple[str, ...]) -> None:
    """Who was a member when `message`, which mentioned those `before`, came to mention them counts it as unread, as
    long as it does."""
    for user in sorted(set(message.mentions).symmetric_difference(before)):
        if user not in message.mentions:
            batch.changes.mentions[message.seq, user] = False
        elif user in batch.room.members and user != message.sender_id:
            batch.changes.mentions[message.seq, user] = True


def change(batch: RoomBatch, by: Submit, frame: Changing, redelivered: bool) -> None:
    """Numbers a change, with its message as it is after it; or finds that it has its number already."""
    room, user = batch.room, by.user
    known_by = frame.ref or frame.id
    entry = batch.sent_before(user.id, frame.id)
    if redelivered and type(entry) is StoredChange and entry.kind == "delete" and entry.value:
        # Also where its author has left since: the bytes go all the same.
        batch.changes.requires_version_check = True
        batch.changes.files_gone.append(entry.value)
    same = type(entry) is StoredChange and _is_change(entry, frame)
    if same and redelivered and frame.type == "edit" and (of := batch.known(frame.of)) is not None:
        tell_of_mentions(batch, of, of.mentions)
    if not batch.is_member(by, known_by):
        return
    if entry is not None:
        batch.say_again(by, entry, same, frame.ref, None, redelivered)
        return
    target = batch.message(frame.of)
    if target is None or target.kind == "deleted":
        batch.refuse(by, ErrorCode.NO_SUCH_MESSAGE, known_by)
        return
    try:
        require_open(room)
        message = changed(room.name, target, frame, user.id, batch.now_ms, moderates(room.members[user.id]))
    except Refused as why:
        batch.refuse(by, why.code, known_by, text=why.text)
        return
    value, text = value_of(frame, target), message.content if message.kind == "chat" else None
    batch.put_message(message)
    change = batch.new_change(user, frame.id, frame.type, value, frame.of, text, message.mentions)
    if message.mentions != target.mentions:
        _count_mentions(batch, message, target.mentions)
        tell_of_mentions(batch, message, set(message.mentions) - set(target.mentions))
    if frame.type == "delete" and value:
        batch.changes.files_gone.append(value)
    batch.say(by, change, frame.ref, None)


def _is(
    message: Stored, kind: str, content: str, reply_to: int | None, thread: int | None, mentions: tuple[str, ...]
) -> bool:
    """Whether the message is what was sent so, whatever has become of it since."""
    if (message.reply_to, message.thread) != (reply_to, thread):
        return False
    if message.digest is not None:
        return message.digest == digest_of(kind, content, mentions)
    return (message.kind, message.content, message.mentions) == (kind, content, mentions)


def _is_change(change: StoredChange, frame: Changing) -> bool:
    """Likewise; what the deletion of a file bears follows from its message."""
    if (change.kind, change.of) != (frame.type, frame.of):
        return False
    return frame.type == "delete" or change.value == value_of(frame)
