"""How a room stands, as `joined` says it and as changes of the room leave it. docs/protocol.md, "The room is a log of
entries"."""

from __future__ import annotations

from shared.client.core.events import SETTINGS, JsonFrame, Person, RoomChange, Standing


def standing_of(frame: JsonFrame, me: str) -> Standing:
    """What a `joined` says, to the user `me`."""
    people = frame.get("people")
    known = None if people is None else {p["id"]: Person(p["id"], p["name"], p.get("role", "member")) for p in people}
    settings = {name: frame[name] for name in SETTINGS if name in frame}
    return Standing(frame["seq"], me, **settings, role=frame.get("role", "member"), people=known)


def after(standing: Standing, change: RoomChange) -> Standing:
    """How the room stands after `change`; as before, where it holds that already."""
    if change.seq <= standing.as_of:
        return standing
    standing = standing._replace(as_of=change.seq, **change.settings)
    user = change.user
    if user is not None:
        if user.id == standing.me:
            standing = standing._replace(role=user.role)
        if standing.people is not None:
            others = {id: person for id, person in standing.people.items() if id != user.id}
            standing = standing._replace(people=others if user.role is None else {**others, user.id: user})
    return standing
