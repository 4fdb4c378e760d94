"""What holds for a room, and who may do what in it. Each `require_…` raises `Refused`: `forbidden`, with the reason."""

from __future__ import annotations

from typing import Final

from services.router.core.room import ANY, Member, Room
from shared.protocol.client import Role, RoomSettings
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.room_names import is_direct, is_own, is_private

MEMBERS_OF_A_PRIVATE_ROOM: Final = 1_000
"""All of them are told with every `joined`."""


def is_plain(room: Room) -> bool:
    """Whether it is a room like any other, in which nothing was set."""
    return room.rules is ANY and not is_private(room.name)


def moderates(member: Member) -> bool:
    return member.role in ("moderator", "owner")


def require_open(room: Room) -> None:
    """Something is to be written there at all."""
    if is_own(room.name):
        raise _forbidden("This is the list of what happened to you. Nobody writes there.")
    if room.rules.archived:
        raise _forbidden("This room is archived. Nothing can be written here.")


def require_posting(room: Room, member: Member) -> None:
    require_open(room)
    if room.rules.posting == "moderators" and not moderates(member):
        raise _forbidden("In this room only moderators write.")


def require_inviting(room: Room, member: Member) -> None:
    _require_choice(room)
    require_open(room)
    if room.rules.invites == "moderators" and not moderates(member):
        raise _forbidden("In this room only moderators invite.")
    if is_private(room.name) and len(room.members) >= MEMBERS_OF_A_PRIVATE_ROOM:
        raise _forbidden(f"A private room takes {MEMBERS_OF_A_PRIVATE_ROOM:,} members at most.")


def require_removing(room: Room, by: Member, target: Member) -> None:
    """`by` and `target` may be the same member: nobody is kept."""
    _require_choice(room)
    if by is not target and not moderates(by):
        raise _forbidden("Only moderators and owners remove somebody.")
    if by is not target and target.role is not None and by.role != "owner":
        raise _forbidden("Only an owner removes moderators and owners.")
    require_an_owner(room, without=target)


def require_giving(room: Room, by: Member, target: Member, role: Role) -> None:
    _require_choice(room)
    if by.role != "owner":
        raise _forbidden("Only an owner gives roles.")
    if role != "owner":
        require_an_owner(room, without=target)


def require_setting(room: Room, by: Member, frame: RoomSettings) -> None:
    _require_choice(room)
    if not moderates(by):
        raise _forbidden("Only moderators and owners change a room.")
    rules = (frame.posting, frame.invites, frame.keep_days, frame.archived)
    if by.role != "owner" and any(value is not None for value in rules):
        raise _forbidden("Only an owner says who writes, who invites and what is kept, and archives a room.")


def require_an_owner(room: Room, without: Member) -> None:
    """A private room is never left without somebody who can let others in."""
    owners = [member for member in room.members.values() if member.role == "owner"]
    if is_private(room.name) and owners == [without]:
        raise _forbidden("The last owner cannot go. Make somebody else an owner first.")


def _require_choice(room: Room) -> None:
    if is_direct(room.name) or is_own(room.name):
        raise _forbidden("Who is in this room is fixed, and so is what it is.")


def _forbidden(text: str) -> Refused:
    return Refused(ErrorCode.FORBIDDEN, text)
