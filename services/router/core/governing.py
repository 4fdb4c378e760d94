"""Rooms that are made for some, who is in them, in which role, and what holds there. Each is an entry of the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic_core import from_json, to_json

from services.router.core.changes import Item
from services.router.core.entrance import come_in
from services.router.core.entries import Entry, StoredChange
from services.router.core.events import Informed
from services.router.core.own_log import tell
from services.router.core.room import Member
from services.router.core.room_batch import RoomBatch
from services.router.core.rules import require_giving, require_inviting, require_removing, require_setting
from shared.protocol.bus import Removed, Submit
from shared.protocol.client import Create, DirectRoom, GiveRole, Governing, Invite, Made, Remove, Role, RoomSettings
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.server import About, User

SETTABLE = {"title", "topic", "posting", "invites", "keep_days", "archived"}


def make(batch: RoomBatch, by: Submit, frame: Made, item: Item) -> None:
    """`create` and `direct`: the log of a made room begins with what was set, and who is in it."""
    room, known_by = batch.room, frame.ref or frame.id
    entry = batch.sent_before(by.user.id, frame.id)
    if not room.exists:
        try:
            _begin(batch, by.user, frame, _people(batch, by.user, frame.users))
        except Refused as why:
            batch.refuse(by, why.code, known_by, text=why.text)
            return
    elif not batch.is_member(by, known_by):
        return
    elif frame.type == "create" and not _began_with(batch, entry, frame):
        batch.refuse(by, ErrorCode.ID_REUSED, known_by)
        return
    elif entry is not None and item.redelivered:
        known = room.members.keys() | batch.older.people.keys()
        _tell_invited(batch, by.user, [batch.person(id) for id in frame.users if id in known], 1)
    come_in(batch, by, frame)


def govern(batch: RoomBatch, by: Submit, frame: Governing, item: Item) -> None:
    """`invite`, `remove`, `role`, `settings`: numbers the change, or finds that it has its number already."""
    known_by = frame.ref or frame.id
    entry = batch.sent_before(by.user.id, frame.id)
    if entry is not None and item.redelivered and _is(entry, frame):
        _tell_again(batch, by, frame, entry)
    # Who has removed himself is told so again.
    has_gone = entry is not None and frame.type == "remove" and frame.user == by.user.id
    if not has_gone and not batch.is_member(by, known_by):
        return
    if entry is not None:
        batch.say_again(by, entry, _is(entry, frame), frame.ref, None, item.redelivered)
        return
    try:
        _carry_out(batch, by, frame)
    except Refused as why:
        batch.refuse(by, why.code, known_by, text=why.text)


def left(batch: RoomBatch, user: User) -> StoredChange:
    """The entry that says that a member has gone by itself."""
    return batch.new_change(user, f"~left.{batch.room.seq + 1}", "member", _membership(user, None))


def _people(batch: RoomBatch, maker: User, ids: Iterable[str]) -> list[User]:
    """The maker first, then these, each once."""
    return list({person.id: person for person in (maker, *map(batch.person, ids))}.values())


def _begin(batch: RoomBatch, maker: User, frame: Made, people: list[User]) -> None:
    room = batch.room
    room.exists = True
    if frame.type == "create":
        batch.new_change(maker, frame.id, "room", _value(frame))
        batch.set_rules(room.rules._replace(title=frame.title, topic=frame.topic or ""))
    for person in people:
        role: Role = "owner" if frame.type == "create" and person == maker else "member"
        batch.admit(person, None if role == "member" else role)
        id = f"~member.{room.seq + 1}" if room.seq else frame.id
        batch.new_change(maker, id, "member", _membership(person, role))
    _tell_invited(batch, maker, people[1:], 1)


def _carry_out(batch: RoomBatch, by: Submit, frame: Governing) -> None:
    room, user = batch.room, by.user
    member = room.members[user.id]
    match frame:
        case Invite():
            require_inviting(room, member)
            if frame.user in room.members:
                raise Refused(ErrorCode.FORBIDDEN, f"{room.members[frame.user].name} is a member already.")
            person = batch.person(frame.user)
            batch.admit(person)
            change = batch.new_change(user, frame.id, "member", _membership(person, "member"))
            batch.say(by, change, frame.ref, None)
            _tell_invited(batch, user, [person], change.seq)
        case Remove():
            target = _member(batch, frame.user)
            require_removing(room, member, target)
            person = User(id=frame.user, name=target.name)
            held = room.subscriptions_of(frame.user)
            # First: nothing that follows is theirs any more.
            _tell_removed(batch, {subscription.address for _, subscription in held}, user, person, room.seq + 1)
            for session, _ in held:
                batch.end_subscription(session)
            batch.drop_member(frame.user)
            batch.say(by, batch.new_change(user, frame.id, "member", _membership(person, None)), frame.ref, None)
        case GiveRole():
            target = _member(batch, frame.user)
            require_giving(room, member, target, frame.role)
            role = None if frame.role == "member" else frame.role
            batch.put_member(frame.user, replace(target, role=role))
            person = User(id=frame.user, name=target.name)
            batch.say(by, batch.new_change(user, frame.id, "member", _membership(person, frame.role)), frame.ref, None)
        case RoomSettings():
            require_setting(room, member, frame)
            batch.set_rules(room.rules._replace(**_set(frame)))
            batch.say(by, batch.new_change(user, frame.id, "room", _value(frame)), frame.ref, None)


def _member(batch: RoomBatch, id: str) -> Member:
    member = batch.room.members.get(id)
    if member is None:
        raise Refused(ErrorCode.NO_SUCH_USER, "This person is not a member of the room.")
    return member


def _tell_again(batch: RoomBatch, by: Submit, frame: Governing, entry: Entry) -> None:
    """Whoever has stored it may have died before it told anybody. It stands in their own log whatever came after it."""
    if not isinstance(frame, Invite | Remove):
        return
    person = User.model_validate(from_json(entry.value)["user"])  # type: ignore[union-attr]
    if isinstance(frame, Invite):
        _tell_invited(batch, by.user, [person], entry.seq)
        return
    if person.id not in batch.room.members:
        tell_everywhere(batch, by.user, person)
    _tell_removed(batch, (), by.user, person, entry.seq)


def _tell_invited(batch: RoomBatch, by: User, people: Iterable[User], seq: int) -> None:
    for person in people:
        if person.id != by.id:
            tell(batch, by, person, "invited", seq, _about(batch))


def tell_gone(batch: RoomBatch, addresses: Iterable[str], by: User, person: User) -> None:
    """These gateways: whatever subscriptions this user has there end, and their clients hear it."""
    for address in sorted(addresses):
        batch.events.append(Informed(address, Removed(room=batch.room.name, user=person.id, by=by)))


def tell_everywhere(batch: RoomBatch, by: User, person: User) -> None:
    """Where this user had subscriptions is not known any more. Whoever hears anything of the room is told in order, so
    that nothing is theirs after it; any other gateway as well, since there may be some that held nobody else's."""
    tell_gone(batch, batch.room.audience.addresses, by, person)
    batch.changes.requires_version_check = True
    batch.changes.gone_everywhere.append(Removed(room=batch.room.name, user=person.id, by=by))


def _tell_removed(batch: RoomBatch, addresses: Iterable[str], by: User, person: User, seq: int) -> None:
    tell_gone(batch, addresses, by, person)
    if person.id != by.id:
        tell(batch, by, person, "removed", seq, _about(batch))


def _about(batch: RoomBatch) -> About:
    return About(room=batch.room.name, title=batch.room.rules.title or None)


def _membership(user: User, role: Role | None) -> str:
    said: dict[str, Any] = {"user": {"id": user.id, "name": user.name}}
    return to_json(said if role is None else {**said, "role": role}).decode()


def _began_with(batch: RoomBatch, entry: Entry | None, frame: Create) -> bool:
    """Whether the room began with `frame`, after which it is named. What it began with may not be kept any more."""
    return batch.room.first > 1 if entry is None else _is(entry, frame)


def _set(frame: RoomSettings) -> dict[str, Any]:
    return frame.model_dump(include=SETTABLE, exclude_none=True)


def _value(frame: RoomSettings | Create) -> str:
    """What is stored of it. Whom a `create` named is kept with it, to know it again."""
    return to_json(frame.model_dump(include=SETTABLE | {"users"}, exclude_none=True)).decode()


def _is(entry: Entry, frame: Governing | Made) -> bool:
    """Whether the entry is what `frame` has made."""
    if type(entry) is not StoredChange or entry.of:
        return False
    match frame:
        case Create() | RoomSettings():
            return entry.kind == "room" and entry.value == _value(frame)
        case DirectRoom():
            return True  # its name says who is in it
    said = from_json(entry.value)
    role = frame.role if frame.type == "role" else "member" if frame.type == "invite" else None
    return bool(entry.kind == "member" and said["user"]["id"] == frame.user and said.get("role") == role)
