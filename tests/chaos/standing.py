"""Holds histories to what is promised of rooms of some: how a room stands is the same for all who have it up to the
same number; nobody sees what is said where he is not; who is invited or removed finds it, once, in his own log.
Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from shared.protocol.room_names import direct_room, is_direct, is_own, is_private, own_room, private_room
from tests.chaos.evidence import Client, History, Log
from tests.chaos.memberships import Standings
from tests.chaos.verdict import Breach, Finding

INVITATIONS = ("invited", "removed")
Notice = tuple[str, str, str, str]
"""Who finds in his own log that he was invited or removed, what of it, of which room, by whom."""


def check(
    clients: Sequence[Client], logs: dict[str, Log], standings: dict[str, Standings], told: Iterable[History]
) -> Iterator[Finding]:
    yield from _standing(clients, logs, standings, told)
    yield from _among_members(clients, standings)
    yield from _refused(clients, standings)
    yield from _notified(clients, logs)


def _standing(
    clients: Sequence[Client], logs: dict[str, Log], standings: dict[str, Standings], told: Iterable[History]
) -> Iterator[Finding]:
    """How a room stands, as it was said or is held, is what its entries up to there make of it."""
    for record in told:
        room, user = record["room"], record["user"]
        if wrong := standings[room].differs(record["stands"], user, record["seq"]):
            yield Finding(
                Breach.DIVERGED, f"{room} as of {record['seq']} stands in the store, for {user}, with {wrong}"
            )
    for client in clients:
        for record in client.records:
            stands = record.get("stands")
            if record["kind"] not in ("joined", "state") or stands is None:
                continue
            room = record["room"]
            if record["kind"] == "joined":
                as_of, how = record["seq"], "was told"
            else:
                as_of, how = max(record["whole"], stands["as_of"]), "holds"
            if wrong := standings[room].differs(stands, client.user, as_of):
                yield Finding(Breach.DIVERGED, f"{client.name} {how} {room} as of {as_of} with {wrong}")


def _among_members(clients: Sequence[Client], standings: dict[str, Standings]) -> Iterator[Finding]:
    """Of a private room nobody sees anything that came when he was not in it, but who was let in again."""
    for client in clients:
        for record in client.records:
            kind, room = record["kind"], record.get("room", "")
            if kind not in ("receive", "joined") or not is_private(room):
                continue
            seq, of = record["seq"], standings[room]
            # That one has gone oneself is one's own copy of what one has sent.
            own = kind == "receive" and record["sender"] == client.user and record["via"] == "live"
            may = of.may_see(client.user, max(seq, record["as_of"]), record["at"]) and of.may_see(
                client.user, seq, record["at"]
            )
            if not may and not (own and of.is_member(client.user, seq - 1)):
                how = record["via"] if kind == "receive" else "joined"
                as_of = f", as of {record['as_of']}" if kind == "receive" else ""
                yield Finding(Breach.NOT_GONE, f"{client.name}: {room} {seq} came {how}{as_of}, to no member")
        for record in client.records:
            if record["kind"] == "state" and client.open and is_private(record["room"]):
                room = record["room"]
                if not is_own(room) and not standings[room].is_member(client.user, standings[room].last):
                    yield Finding(Breach.NOT_GONE, f"{client.name} still sits in {room}, and is no member")


def _refused(clients: Sequence[Client], standings: dict[str, Standings]) -> Iterator[Finding]:
    """Nobody who is a member is told that there is no such room."""
    for client in clients:
        joined = set[str]()
        for record in client.records:
            room = record.get("room", "")
            if record["kind"] == "joined":
                joined.add(room)
                continue
            as_no_member = record["kind"] == "refused" and record["code"] in ("no_such_room", "not_joined")
            if as_no_member and room in joined and is_private(room) and standings[room].was_never_out(client.user):
                text = f"{client.name}: {room} {record['id']} was refused as if he were no member: {record['code']}"
                yield Finding(Breach.UNSETTLED, text)


def _notified(clients: Sequence[Client], logs: dict[str, Log]) -> Iterator[Finding]:
    """Whoever was invited or removed by somebody finds it once in his own log."""
    people = {client.user for client in clients}
    people |= {entry["user"] for log in logs.values() for entry in log.entries if entry["what"] == "member"}
    expected, found = Counter(_expected(clients, logs)), Counter[Notice]()
    for user in people:
        log = logs.get(own_room(user))
        for entry in log.entries if log is not None else ():
            if entry["what"] in INVITATIONS:
                found[user, entry["what"], entry["about"], entry["sender"]] += 1
    for notice in sorted(expected.keys() | found.keys()):
        user, what, room, by = notice
        text = f"{user} was {what} {expected[notice]} times by {by}, {room}, and his own log says {found[notice]}"
        if found[notice] < expected[notice]:
            yield Finding(Breach.UNTOLD, text)
        elif found[notice] > expected[notice]:
            yield Finding(Breach.DOUBLE, text)


def _expected(clients: Sequence[Client], logs: dict[str, Log]) -> Iterator[Notice]:
    said: set[tuple[str, str, str]] = set()
    for client in clients:
        for record in client.records:
            if record["kind"] == "write" and record["what"] in ("invite", "remove"):
                room, id, user = record["room"], record["id"], record["user"]
                key = room, client.user, id
                if room in logs and (client.user, id) in logs[room].by_id and key not in said and user != client.user:
                    said.add(key)
                    yield user, "invited" if record["what"] == "invite" else "removed", room, client.user
            elif record["kind"] == "make":
                of_all = [client.user, *record["users"]]
                made = private_room(client.user, record["id"]) if record["what"] == "create" else direct_room(of_all)
                key = made, "", ""
                if made in logs and logs[made].entries and key not in said:
                    said.add(key)
                    maker = logs[made].by_seq[1]["sender"] if is_direct(made) else client.user
                    for user in sorted({*of_all} - {maker}):
                        yield user, "invited", made, maker
