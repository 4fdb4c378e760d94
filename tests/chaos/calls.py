"""Holds histories to what is promised of one's own log about messages: whom a message calls, when it is said or by an
edit, finds that there once, and nobody else does. docs/protocol.md, "Rooms of some". Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from shared.protocol.room_names import is_direct, is_own, own_room
from tests.chaos.attendance import Attendance
from tests.chaos.evidence import History, Log
from tests.chaos.verdict import Breach, Finding
from tests.chaos.versions import UNKNOWN, Version, Versions


class Call(NamedTuple):
    """That the message calls `user` since the entry `seq`; `why` as in one's own log."""

    seq: int
    user: str
    why: str


Message = tuple[str, int]
"""A room, and a number in it."""


def check(logs: Mapping[str, Log], versions: Mapping[str, Versions], attendance: Attendance) -> Iterator[Finding]:
    calls = {
        (room, seq): list(_calls(log, log.by_seq[seq], versions[room].of(seq), attendance))
        for room, log in list(logs.items())
        for seq in (() if is_own(room) else versions[room])
    }
    found: dict[tuple[str, Message], list[History]] = defaultdict(list)
    for room, log in list(logs.items()):
        for notice in log.entries:
            if notice["what"] == "mention":
                found[room, (notice["about"], notice["calls"]["of"])].append(notice)
    yield from _owed(calls, attendance, {key: len(notices) for key, notices in found.items()})
    for (own, message), notices in sorted(found.items()):
        yield from _told(own, message, notices, calls.get(message, []), logs, attendance)


def mentioned(version: Version) -> set[str]:
    """Nobody, where nobody knows."""
    mentions = version.said.get("mentions") or []
    return set() if mentions == UNKNOWN else set(mentions)


def _calls(log: Log, message: History, versions: list[Version], attendance: Attendance) -> Iterator[Call]:
    """All of them, also of those who were no members."""
    room, seq, author = message["room"], message["seq"], message["sender"]
    called = [(seq, user, "direct") for user in (attendance.people(room, seq) if is_direct(room) else ())]
    root = log.by_seq.get(message.get("thread", 0))
    if root is not None:
        earlier = {e["sender"] for e in log.entries if e.get("thread") == root["seq"] and e["seq"] < seq}
        called += [(seq, user, "reply") for user in {root["sender"], *earlier}]
    before = set[str]()
    for version in versions:
        called += [(version.seq, user, "mention") for user in mentioned(version) - before]
        before = mentioned(version)
    yield from (Call(*call) for call in called if call[1] != author)


def _owed(
    calls: Mapping[Message, list[Call]],
    attendance: Attendance,
    found: Mapping[tuple[str, Message], int],
) -> Iterator[Finding]:
    for (room, seq), of_message in calls.items():
        owed = {call.user for call in of_message if attendance.surely(room, call.user, call.seq)}
        for user in sorted(owed):
            if not found.get((own_room(user), (room, seq))):
                yield Finding(Breach.UNTOLD, f"{room} {seq} calls {user}, and his own log does not say so")


def _told(
    own: str,
    message: Message,
    notices: list[History],
    calls: list[Call],
    logs: Mapping[str, Log],
    attendance: Attendance,
) -> Iterator[Finding]:
    """`own`: whose log says so."""
    room, seq = message
    place = f"{own} says of {room} {seq}"
    if len(notices) > 1:
        yield Finding(Breach.DOUBLE, f"{place} {len(notices)} times that it calls")
    # One is told once, and may be told late, by who finds it undone: as the message calls by then.
    mine = [c for c in calls if own_room(c.user) == own and attendance.ever_since(room, c.user, c.seq)]
    said = logs[room].by_seq.get(seq)
    for notice in notices:
        told = notice["calls"]
        if not mine or said is None:
            yield Finding(Breach.UNCALLED, f"{place} that it calls, and it does not: {told}")
        elif notice["sender"] != said["sender"] or told.get("thread") != said.get("thread"):
            yield Finding(Breach.UNCALLED, f"{place} {told}, by {notice['sender']}, and it is another message")
        elif told["why"] not in {call.why for call in mine}:
            yield Finding(Breach.UNCALLED, f"{place} {told}, and it calls by {sorted({c.why for c in mine})}")
