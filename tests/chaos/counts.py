"""Holds histories to what is promised of one's own of each room: unread messages and those that mention one are counted
as the log has them, by the list of rooms and by clients; the mark and the level are what was set. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.router.message_store import UNREAD_AT_MOST, UNREAD_WITHIN
from tests.chaos.attendance import Attendance
from tests.chaos.evidence import Client, History, Log
from tests.chaos.verdict import Breach, Finding
from tests.chaos.versions import MESSAGES


def check(
    clients: Sequence[Client],
    logs: Mapping[str, Log],
    attendance: Attendance,
    listed: Iterable[History],
) -> Iterator[Finding]:
    listed = list(listed)
    for summary in listed:
        room, user = summary["room"], summary["user"]
        yield from _counted(summary, logs[room])
        if summary["read_seq"] > summary["seq"]:
            text = f"{user} has read {room} up to {summary['read_seq']}, and it goes to {summary['seq']}"
            yield Finding(Breach.MISCOUNTED, text)
        yield from _marked(summary, clients, attendance)
        levels = _levels(clients, room, user) | ({"all"} if attendance.went(room, user) else set())
        if (level := summary["notify"]) not in levels:
            text = f"{user} is alerted in {room} of {level}, and has set {sorted(levels)}"
            yield Finding(Breach.MISCOUNTED, text)
    for client in clients:
        for record in client.records:
            if record["kind"] == "state" and record.get("unread") is not None:
                yield from _told_by(client, record, logs[record["room"]])


def _unread(log: Log, read_seq: int, user: str) -> list[History]:
    """Messages of others after the mark that are not deleted."""
    after = [log.by_seq[seq] for seq in sorted(log.by_seq) if seq > read_seq]
    return [e for e in after if e["what"] in MESSAGES and e["what"] != "deleted" and e["sender"] != user]


def _mentions(unread: Iterable[History], user: str) -> int:
    return sum(user in entry.get("mentions", ()) for entry in unread)


def _counted(summary: History, log: Log) -> Iterator[Finding]:
    room, user, read_seq = summary["room"], summary["user"], summary["read_seq"]
    place = f"{room} up to {summary['seq']}, read up to {read_seq}, is listed for {user} with"
    unread = _unread(log, read_seq, user)
    expected = min(UNREAD_AT_MOST, len(unread))
    is_within = log.last - read_seq <= UNREAD_WITHIN
    if summary["unread"] > expected or (is_within and summary["unread"] != expected):
        yield Finding(Breach.MISCOUNTED, f"{place} {summary['unread']} unread messages, not {expected}")
    # Whoever becomes a member begins with the mark at the end: what follows it was said to a member.
    called, mentions = min(UNREAD_AT_MOST, _mentions(unread, user)), summary["mentions"]
    if mentions != called:
        yield Finding(Breach.MISCOUNTED, f"{place} {mentions} mentions, not {called}")


def _marked(summary: History, clients: Sequence[Client], attendance: Attendance) -> Iterator[Finding]:
    """Nobody has read further than he has said, or than the room went when he came. (That he has may be lost on its
    way.)"""
    room, user = summary["room"], summary["user"]
    since = attendance.since(room, user)
    said = max(
        (r["seq"] for c in clients if c.user == user for r in c.records if r["kind"] == "read" and r["room"] == room),
        default=0,
    )
    if since is not None and summary["read_seq"] > max(said, since):
        text = f"{user} has read {room} up to {summary['read_seq']}, and has said {said}"
        yield Finding(Breach.MISCOUNTED, text)


class _Setting(NamedTuple):
    """`told`: when the level was said to be so; None: never."""

    level: str
    asked: float
    told: float | None


def _levels(clients: Sequence[Client], room: str, user: str) -> set[str]:
    """What the level may be in the end: what was set, and not surely before something else that was."""
    settings: list[_Setting] = []
    for client in clients:
        asked: dict[tuple[int, str], History] = {}
        told: dict[tuple[int, str], float] = {}
        for record in client.records:
            if client.user != user or record.get("room") != room:
                continue
            if record["kind"] == "notify":
                asked[record["connection"], record["ref"]] = record
            elif record["kind"] == "level" and record["ref"] is not None:
                told[record["connection"], record["ref"]] = record["at"]
        settings += [_Setting(r["level"], r["at"], told.get(key)) for key, r in asked.items()]
    latest = max((s.asked for s in settings if s.told is not None), default=None)
    if latest is None:
        return {"all", *(setting.level for setting in settings)}
    return {s.level for s in settings if s.told is None or s.told >= latest}


def _told_by(client: Client, state: History, log: Log) -> Iterator[Finding]:
    """What a client counts, of a room that it has to its end."""
    if state["whole"] != log.last or not client.open:
        return
    unread = _unread(log, state["read_seq"], client.user)
    expected = {"messages": len(unread), "mentions": _mentions(unread, client.user)}
    if state["unread"] != expected:
        text = f"{client.name}: {state['room']} after {state['read_seq']} counts {state['unread']}, not {expected}"
        yield Finding(Breach.MISCOUNTED, text)
