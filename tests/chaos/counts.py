"""Holds histories to what is promised of one's own of each room: unread messages and those that mention one are counted
as the log has them, by the list of rooms and by clients; the mark and the level are what was set. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.router.message_store import UNREAD_AT_MOST, UNREAD_WITHIN
from tests.chaos.attendance import Attendance
from tests.chaos.calls import mentioned
from tests.chaos.evidence import Client, History, Log
from tests.chaos.verdict import Breach, Finding
from tests.chaos.versions import MESSAGES, Versions


def check(
    clients: Sequence[Client],
    logs: Mapping[str, Log],
    versions: Mapping[str, Versions],
    attendance: Attendance,
    listed: Iterable[History],
) -> Iterator[Finding]:
    listed = list(listed)
    for summary in listed:
        room, user = summary["room"], summary["user"]
        yield from _counted(summary, logs[room], versions[room], attendance)
        yield from _marked(summary, clients, attendance)
        levels = _levels(clients, room, user) | ({"all"} if attendance.went(room, user) else set())
        if (level := summary.get("notify") or "all") not in levels:
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


def _counted(summary: History, log: Log, versions: Versions, attendance: Attendance) -> Iterator[Finding]:
    room, user, read_seq = summary["room"], summary["user"], summary["read_seq"]
    place = f"{room} up to {summary['seq']}, read up to {read_seq}, is listed for {user} with"
    unread = _unread(log, read_seq, user)
    expected = min(UNREAD_AT_MOST, len(unread))
    is_within = log.last - read_seq <= UNREAD_WITHIN
    if summary["unread"] > expected or (is_within and summary["unread"] != expected):
        yield Finding(Breach.MISCOUNTED, f"{place} {summary['unread']} unread messages, not {expected}")
    called = [(entry["seq"], since) for entry in unread if (since := _called_since(versions, entry["seq"], user))]
    least = sum(attendance.surely(room, user, since) for _, since in called)
    most = sum(attendance.perhaps(room, user, since) for _, since in called)
    mentions = summary.get("mentions") or 0
    if not min(UNREAD_AT_MOST, least) <= mentions <= min(UNREAD_AT_MOST, most):
        yield Finding(Breach.MISCOUNTED, f"{place} {mentions} mentions, not {least} to {most}")


def _called_since(versions: Versions, seq: int, user: str) -> int | None:
    """The entry since which the message mentions the user, as it still does; else None."""
    since = None
    for version in versions.of(seq):
        if user not in mentioned(version):
            since = None
        elif since is None:
            since = version.seq
    return since


def _marked(summary: History, clients: Sequence[Client], attendance: Attendance) -> Iterator[Finding]:
    """Nobody has read further than he has said. (That he has may be lost on its way.)"""
    room, user = summary["room"], summary["user"]
    said = max(
        (r["seq"] for c in clients if c.user == user for r in c.records if r["kind"] == "read" and r["room"] == room),
        default=0,
    )
    if summary["read_seq"] > min(said, summary["seq"]):
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
    expected = {"messages": len(unread), "mentions": sum(client.user in e.get("mentions", ()) for e in unread)}
    if state["unread"] != expected:
        text = f"{client.name}: {state['room']} after {state['read_seq']} counts {state['unread']}, not {expected}"
        yield Finding(Breach.MISCOUNTED, text)
