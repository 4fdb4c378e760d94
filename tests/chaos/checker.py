"""Holds the histories of clients to the promises of docs/protocol.md. Pure: records in, a verdict out.

A history is a list of records, each a dict with `at` (seconds of one monotonic clock), `client`, `connection`, `kind`
and what `tests.recording.Record` lists for that kind. Two kinds are the run's own, taken once all is quiet:

`stored` room seq id sender text: one message as `history` gives it; `present` room online: the users that a `joined`
frame of an onlooker shows (fewer than a hundred, so all of them).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

History = dict[str, Any]
"""One record."""


class Breach(StrEnum):
    """What can be wrong. The value is the row of the table."""

    LOST = "lost"
    """Acknowledged, and not in `history`, or there with another text."""
    HOLE = "hole"
    """A number without a message."""
    DOUBLE = "double"
    """A message twice: under two numbers, shown twice, or sent twice over one connection to somebody else."""
    DISORDER = "disorder"
    """Members see another order than `seq`, or another `seq` than the log's."""
    SENDER_DISORDER = "sender disorder"
    """Numbered in another order than that in which one connection sent them."""
    UNSTORED = "seen, not stored"
    """Somebody saw what `history` does not have, or has otherwise."""
    INCOMPLETE = "incomplete"
    """A member, connected and quiet, lacks something."""
    UNSETTLED = "unsettled"
    """Written, and neither acknowledged nor refused, by a client that was connected to the end."""
    GHOST = "ghost"
    """Shown online, and gone."""
    UNSEEN = "not shown"
    """Online, and not shown."""


class Finding(NamedTuple):
    breach: Breach
    text: str


@dataclass
class Verdict:
    """`findings`: each breach with its place. `sent`: transmissions; `written`: messages; `received`: copies;
    `refused`: for good, `deferred`: for now."""

    written: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    deferred: int = 0
    received: int = 0
    connections: int = 0
    stored: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> dict[Breach, int]:
        found = Counter(finding.breach for finding in self.findings)
        return {breach: found[breach] for breach in Breach}

    @property
    def is_clean(self) -> bool:
        return not self.findings

    def table(self) -> str:
        """One line for each number."""
        measures = {
            "stored": self.stored, "written": self.written, "sent": self.sent, "acknowledged": self.acknowledged,
            "refused": self.refused, "refused for now": self.deferred, "received": self.received,
            "connections": self.connections,
        }  # fmt: skip
        rows = [*measures.items(), *((str(breach), count) for breach, count in self.counts.items())]
        return "\n".join(f"{name:<18}{number:>10,}" for name, number in rows)


class _Stored(NamedTuple):
    seq: int
    id: str
    sender: str
    text: str


class _Skip(NamedTuple):
    """Numbers that a client passed over. `missing`: how many it knew to be missing then; `bound`: how many it fetches
    without being asked."""

    first: int
    last: int
    missing: int
    bound: int


class _Log:
    """A room as `history` gives it."""

    def __init__(self) -> None:
        self.messages: list[_Stored] = []
        self.by_seq: dict[int, _Stored] = {}
        self.by_id: dict[tuple[str, str], _Stored] = {}

    def add(self, message: _Stored) -> None:
        self.messages.append(message)
        self.by_seq.setdefault(message.seq, message)
        self.by_id.setdefault((message.sender, message.id), message)

    @property
    def last(self) -> int:
        return max(self.by_seq, default=0)


class _Client:
    """What one client's records say. `user`: who it is, as its welcomes said. `open`: whether it ended connected."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.user = ""
        self.open = False
        self.connection = 0
        self.joined: dict[str, int] = {}
        """Rooms that the present connection has joined, and the room's `seq` at the first `joined` of all."""
        self.first_joined: dict[str, int] = {}
        self.shown: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self.skipped: dict[str, list[_Skip]] = defaultdict(list)
        self.newest: dict[str, int] = defaultdict(int)
        """The highest number of each room that it has heard of."""
        self.records: list[History] = []

    def take(self, record: History) -> None:
        self.records.append(record)
        match record["kind"]:
            case "open":
                self.user, self.open, self.connection = record["user"], True, record["connection"]
                self.joined = {}
            case "close" | "stop":
                self.open, self.joined = False, {}
            case "joined":
                first = self.first_joined.setdefault(record["room"], record["seq"])
                self.joined[record["room"]] = first
                self._heard_of(record)
            case "receive":
                self._heard_of(record)
            case "skipped":
                room, first = record["room"], record["first"]
                missing = self.newest[room] - first + 1
                self.skipped[room].append(_Skip(first, record["last"], missing, record["catch_up"]))
            case "left":
                self.joined.pop(record["room"], None)
            case "show":
                self.shown[record["room"]].append((record["seq"], record["sender"], record["id"]))

    def _heard_of(self, record: History) -> None:
        self.newest[record["room"]] = max(self.newest[record["room"]], record["seq"])


def check(records: Iterable[History]) -> Verdict:
    """The verdict on one run's records, in the order in which each client made them."""
    clients: dict[str, _Client] = {}
    logs: dict[str, _Log] = defaultdict(_Log)
    present: dict[str, set[str]] = {}
    for record in records:
        if record["kind"] == "stored":
            message = _Stored(record["seq"], record["id"], record["sender"], record["text"])
            logs[record["room"]].add(message)
        elif record["kind"] == "present":
            present[record["room"]] = set(record["online"])
        else:
            clients.setdefault(record["client"], _Client(record["client"])).take(record)
    everyone = list(clients.values())
    verdict = Verdict(stored=sum(len(log.messages) for log in logs.values()))
    _count(verdict, everyone)
    for finding in (
        *_logs(logs), *_promised(everyone, logs), *_seen(everyone, logs), *_complete(everyone, logs),
        *_passed_over(everyone), *_senders(everyone, logs), *_presence(everyone, present),
    ):  # fmt: skip
        verdict.findings.append(finding)
    return verdict


def _count(verdict: Verdict, clients: Sequence[_Client]) -> None:
    kinds = Counter(record["kind"] for client in clients for record in client.records)
    verdict.written, verdict.sent, verdict.acknowledged = kinds["write"], kinds["send"], kinds["ack"]
    verdict.refused, verdict.deferred = kinds["refused"], kinds["error"]
    verdict.received, verdict.connections = kinds["receive"], kinds["open"]


def _logs(logs: dict[str, _Log]) -> Iterator[Finding]:
    """The log itself: 1, 2, 3 …, each message once."""
    for room, log in logs.items():
        numbers = Counter(message.seq for message in log.messages)
        for seq in range(1, log.last + 1):
            if not numbers[seq]:
                yield Finding(Breach.HOLE, f"{room} has no {seq}")
        for seq, count in numbers.items():
            if count > 1:
                yield Finding(Breach.DOUBLE, f"{room} has {count} messages {seq}")
        keys = Counter((message.sender, message.id) for message in log.messages)
        for (sender, id), count in keys.items():
            if count > 1:
                yield Finding(Breach.DOUBLE, f"{room} has {id} of {sender} {count} times")


def _promised(clients: Sequence[_Client], logs: dict[str, _Log]) -> Iterator[Finding]:
    """What was acknowledged is stored, under its number and as it was written; and everything was answered."""
    for client in clients:
        texts: dict[tuple[str, str], str] = {}
        settled: set[tuple[str, str]] = set()
        for record in client.records:
            if record["kind"] == "write":
                texts[record["room"], record["id"]] = record["text"]
            elif record["kind"] == "refused":
                settled.add((record["room"], record["id"]))
            elif record["kind"] == "ack":
                room, id, seq = record["room"], record["id"], record["seq"]
                settled.add((room, id))
                message = logs[room].by_id.get((client.user, id))
                if message is None:
                    yield Finding(Breach.LOST, f"{client.name}: {room} {seq} {id} was acknowledged and is not stored")
                elif message.seq != seq:
                    text = f"{client.name}: {room} {id} was acknowledged as {seq} and is {message.seq}"
                    yield Finding(Breach.DISORDER, text)
                elif message.text != texts.get((room, id), message.text):
                    yield Finding(Breach.LOST, f"{client.name}: {room} {seq} {id} is stored with another text")
        if client.open:
            for room, id in texts.keys() - settled:
                yield Finding(Breach.UNSETTLED, f"{client.name}: {room} {id} was never answered")


def _seen(clients: Sequence[_Client], logs: dict[str, _Log]) -> Iterator[Finding]:
    """What came is what is stored; it is shown once and in order; and comes once and in order over one connection."""
    for client in clients:
        live: dict[tuple[int, str], int] = {}
        wrong: set[tuple[str, int, str]] = set()
        for record in client.records:
            if record["kind"] != "receive":
                continue
            room, seq, id, sender = record["room"], record["seq"], record["id"], record["sender"]
            message = logs[room].by_seq.get(seq)
            as_seen = _Stored(seq, id, sender, record["text"])
            if message != as_seen and (room, seq, id) not in wrong:
                wrong.add((room, seq, id))
                elsewhere = logs[room].by_id.get((sender, id))
                if elsewhere is not None and elsewhere.seq != seq:
                    text = f"{client.name}: {room} {id} came as {seq} and is {elsewhere.seq}"
                    yield Finding(Breach.DISORDER, text)
                else:
                    yield Finding(Breach.UNSTORED, f"{client.name}: {room} {seq} {id} came and is not stored so")
            # One's own copy comes again with each retry: that is the acknowledgement.
            if record["via"] == "live" and sender != client.user:
                before = live.get((record["connection"], room), 0)
                if seq == before:
                    yield Finding(Breach.DOUBLE, f"{client.name}: {room} {seq} came twice over one connection")
                elif seq < before:
                    yield Finding(Breach.DISORDER, f"{client.name}: {room} {seq} came after {before}")
                live[record["connection"], room] = max(before, seq)
        for room, shown in client.shown.items():
            yield from _shown(client.name, room, shown)


def _shown(name: str, room: str, shown: list[tuple[int, str, str]]) -> Iterator[Finding]:
    before = 0
    keys: set[tuple[str, str]] = set()
    for seq, sender, id in shown:
        if (sender, id) in keys:
            yield Finding(Breach.DOUBLE, f"{name}: {room} {seq} {id} was shown twice")
        elif seq <= before:
            yield Finding(Breach.DISORDER, f"{name}: {room} {seq} was shown after {before}")
        keys.add((sender, id))
        before = max(before, seq)


def _complete(clients: Sequence[_Client], logs: dict[str, _Log]) -> Iterator[Finding]:
    """Who is in a room at the end has seen all of it, from the first number that was shown, but for what it said that
    it passes over."""
    for client in clients:
        if not client.open:
            continue
        for room, first_joined in client.joined.items():
            shown = {seq for seq, _, _ in client.shown.get(room, ())}
            start = min(shown, default=first_joined + 1)
            passed = {seq for skip in client.skipped[room] for seq in range(skip.first, skip.last + 1)}
            missing = [seq for seq in range(start, logs[room].last + 1) if seq not in shown and seq not in passed]
            if missing:
                text = f"{client.name}: {room} lacks {len(missing)}, the first of them {missing[0]}"
                yield Finding(Breach.INCOMPLETE, text)


def _passed_over(clients: Sequence[_Client]) -> Iterator[Finding]:
    """A client passes over what it missed in a long absence, and nothing else; and does not show it after all."""
    for client in clients:
        for room, skips in client.skipped.items():
            shown = {seq for seq, _, _ in client.shown[room]}
            for skip in skips:
                place = f"{client.name}: {room} {skip.first} to {skip.last}"
                if skip.missing <= skip.bound:
                    yield Finding(Breach.INCOMPLETE, f"{place} were passed over, and only {skip.missing} were missing")
                if any(seq in shown for seq in range(skip.first, skip.last + 1)):
                    yield Finding(Breach.DISORDER, f"{place} were passed over, and some of them shown")


@dataclass
class _Sent:
    """Where in a connection's sends an id stands, first and last."""

    first: int
    last: int
    seq: int


def _senders(clients: Sequence[_Client], logs: dict[str, _Log]) -> Iterator[Finding]:
    """One connection's messages to one room are numbered as it sent them.

    Which of several transmissions a message comes from cannot be seen. So only ids that went over one connection alone
    count, and A stands before B only if the last of A's transmissions went before the first of B's. A frame that was
    refused for now is left out: it may still arrive, and what follows it need not wait for it.
    """
    used: dict[tuple[str, str, str], set[tuple[str, int]]] = defaultdict(set)
    refused: set[tuple[str, str]] = set()
    for client in clients:
        for record in client.records:
            if record["kind"] == "send":
                used[client.user, record["room"], record["id"]].add((client.name, record["connection"]))
            elif record["kind"] == "error":
                refused.add((client.user, record["ref"] or ""))
    for client in clients:
        groups: dict[tuple[int, str], dict[str, _Sent]] = defaultdict(dict)
        for position, record in enumerate(client.records):
            if record["kind"] != "send":
                continue
            room, id = record["room"], record["id"]
            message = logs[room].by_id.get((client.user, id))
            if message is None or (client.user, id) in refused or len(used[client.user, room, id]) > 1:
                continue
            sent = groups[record["connection"], room].setdefault(id, _Sent(position, position, message.seq))
            sent.last = position
        for (connection, room), group in groups.items():
            yield from _in_order(f"{client.name}, connection {connection}: {room}", list(group.values()))


def _in_order(place: str, sent: list[_Sent]) -> Iterator[Finding]:
    """A sweep over the sends: `highest` is the highest number of what was sent, for the last time, before this."""
    ended = sorted(sent, key=lambda s: s.last)
    passed, highest = 0, 0
    for this in sorted(sent, key=lambda s: s.first):
        while passed < len(ended) and ended[passed].last < this.first:
            highest = max(highest, ended[passed].seq)
            passed += 1
        if this.seq < highest:
            yield Finding(Breach.SENDER_DISORDER, f"{place} {this.seq} was sent after {highest}")


def _presence(clients: Sequence[_Client], present: dict[str, set[str]]) -> Iterator[Finding]:
    """Whom a `joined` shows is who is there, as the clients themselves know it."""
    online: dict[str, set[str]] = defaultdict(set)
    for client in clients:
        for room in client.joined:
            online[room].add(client.user)
    for room, shown in present.items():
        for user in sorted(shown - online[room]):
            yield Finding(Breach.GHOST, f"{room} shows {user}, who is gone")
        for user in sorted(online[room] - shown):
            yield Finding(Breach.UNSEEN, f"{room} does not show {user}, who is there")
