"""How a member comes in, or back: the session is subscribed, and hears in `joined` or `resumed` how the room stands."""

from __future__ import annotations

from typing import Any, TypeVar

from services.router.core import pages
from services.router.core.changes import Deep
from services.router.core.events import Answered, Listing, Resumed
from services.router.core.refusals import TEXT
from services.router.core.room_batch import RoomBatch
from shared.protocol.bus import Submit, Subscribed
from shared.protocol.client import History, Join, Made, Resume
from shared.protocol.room_names import is_private
from shared.protocol.server import JOIN_ONLINE, Joined, JoinedRoom, RefusedRoom, RoomError

J = TypeVar("J", bound=JoinedRoom)


def come_in(batch: RoomBatch, by: Submit, frame: Join | Made) -> None:
    """At once, or when what is to be shown has been read."""
    shown = pages.opening(batch.room, after_of(frame), batch.answer_bytes)
    if shown is None:
        # The membership has begun: what this connection sends next counts on it.
        batch.changes.reads.append(Deep(by, frame))
    else:
        enter(batch, by, known_by(frame), shown)


def enter(batch: RoomBatch, by: Submit, ref: str | None, shown: pages.Shown) -> None:
    frame = _entered(batch, by, shown, Joined, ref=ref)
    batch.events.append(Answered(by, ref, Listing(frame, shown.entries), subscribed=batch.room.seq))


def come_back(batch: RoomBatch, by: Submit, frame: Resume, after: int) -> None:
    """To one of the rooms that `frame` names; nothing is read for it."""
    room = batch.room
    batch.changes.requires_version_check = True
    barred = batch.barred(by.user)
    if barred is not None:
        refused = RefusedRoom(room=room.name, error=RoomError(code=barred, text=TEXT[barred]))
        batch.changes.resumed.append(Resumed(by, refused))
        return
    share = min(batch.answer_bytes, pages.RESUMED_BYTES // (by.among or len(frame.rooms)))
    shown = pages.resuming(room, after, share)
    answer = _entered(batch, by, shown, JoinedRoom)
    subscribed = Subscribed(room=room.name, sessions=[by.session], seq=room.seq)
    batch.changes.resumed.append(Resumed(by, answer, shown.entries, subscribed))


def _entered(batch: RoomBatch, by: Submit, shown: pages.Shown, kind: type[J], **more: Any) -> J:
    batch.changes.requires_version_check = True
    # Who was subscribed here all along, its join being sent twice, may have heard that it is gone: it hears this, too.
    batch.subscribe(by.session, by.user, by.address)
    room, private = batch.room, is_private(batch.room.name)
    return kind(
        room=room.name,
        seq=room.seq,
        first=room.first if room.first > 1 else None,
        as_of=shown.as_of if shown.as_of < room.seq else None,
        members=room.online,
        online=room.online_users(JOIN_ONLINE),
        role=room.members[by.user.id].role,
        private=private or None,
        people=room.people() if private else None,
        **room.rules.told(),
        messages=[],
        more=shown.more,
        **more,
    )


def after_of(frame: Join | Made) -> int | None:
    """From where on entries are to be shown; None: the last messages."""
    return frame.after if frame.type == "join" else None


def known_by(frame: Join | Made | History) -> str | None:
    """What the answer bears."""
    return frame.ref or frame.id if frame.type in ("create", "direct") else frame.ref
