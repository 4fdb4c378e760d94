"""Holds the histories of clients to the promises of docs/protocol.md. Pure: records in, a verdict out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.chaos import calls, counts, standing
from tests.chaos.attendance import Attendance
from tests.chaos.evidence import Client, History, Log, read
from tests.chaos.memberships import Standings
from tests.chaos.verdict import Breach, Finding, Verdict
from tests.chaos.versions import MESSAGES, SAID, Versions, is_like
from tests.recording import GIVEN

KINDS: dict[str, tuple[str, str | None]] = {
    "invite": ("member", "member"), "remove": ("member", None), "role": ("member", None), "settings": ("room", None),
}  # fmt: skip
"""What entry comes of a frame, and in which role, where the frame does not say."""


def check(records: Iterable[History]) -> Verdict:
    """The verdict on one run's records, in the order in which each client made them."""
    clients, logs, versions, standings, present, told, listed = read(records)
    attendance = Attendance(clients, logs, standings)
    verdict = Verdict(stored=sum(len(log.entries) for log in logs.values()))
    verdict.changes = sum(log.is_change(seq) for log in logs.values() for seq in log.by_seq)
    _count(verdict, clients)
    for finding in (
        *_logs(logs), *_promised(clients, logs, standings), *_folded(logs, versions), *_seen(clients, logs, versions),
        *_held(clients, versions), *_gone(clients, versions), *_complete(clients, logs),
        *_passed_over(clients, logs), *_senders(clients, logs), *_presence(clients, present),
        *standing.check(clients, logs, standings, told), *calls.check(logs, versions, attendance),
        *counts.check(clients, logs, attendance, listed),
    ):  # fmt: skip
        verdict.findings.append(finding)
    return verdict


def _count(verdict: Verdict, clients: Sequence[Client]) -> None:
    kinds = Counter(record["kind"] for client in clients for record in client.records)
    verdict.written, verdict.sent, verdict.acknowledged = kinds["write"], kinds["send"], kinds["ack"]
    verdict.refused, verdict.deferred = kinds["refused"], kinds["error"]
    verdict.received, verdict.connections = kinds["receive"], kinds["open"]


def _logs(logs: dict[str, Log]) -> Iterator[Finding]:
    """The log itself: 1, 2, 3 …, each entry once."""
    for room, log in logs.items():
        numbers = Counter(entry["seq"] for entry in log.entries)
        for seq in range(1, log.last + 1):
            if not numbers[seq]:
                yield Finding(Breach.HOLE, f"{room} has no {seq}")
        for seq, count in numbers.items():
            if count > 1:
                yield Finding(Breach.DOUBLE, f"{room} has {count} entries {seq}")
        keys = Counter((entry["sender"], entry["id"]) for entry in log.entries)
        for (sender, id), count in keys.items():
            if count > 1:
                yield Finding(Breach.DOUBLE, f"{room} has {id} of {sender} {count} times")


def _promised(clients: Sequence[Client], logs: dict[str, Log], standings: dict[str, Standings]) -> Iterator[Finding]:
    """What was acknowledged is stored, under its number and as it was written; and everything was answered."""
    for client in clients:
        written: dict[tuple[str, str], History] = {}
        settled: set[tuple[str, str]] = set()
        for record in client.records:
            if record["kind"] == "write":
                written[record["room"], record["id"]] = record
            elif record["kind"] == "refused":
                room, id = record["room"], record["id"]
                settled.add((room, id))
                entry = logs[room].by_id.get((client.user, id))
                if entry is not None and not _is_out(client, record, standings[room], entry["seq"]):
                    yield Finding(Breach.UNSETTLED, f"{client.name}: {room} {id} was refused for good, and is stored")
            elif record["kind"] == "ack":
                room, id, seq = record["room"], record["id"], record["seq"]
                settled.add((room, id))
                entry = logs[room].by_id.get((client.user, id))
                if entry is None:
                    yield Finding(Breach.LOST, f"{client.name}: {room} {seq} {id} was acknowledged and is not stored")
                elif entry["seq"] != seq:
                    text = f"{client.name}: {room} {id} was acknowledged as {seq} and is {entry['seq']}"
                    yield Finding(Breach.DISORDER, text)
                elif not _is_as_written(entry, written.get((room, id))):
                    text = f"{client.name}: {room} {seq} {id} is not stored as it was written"
                    yield Finding(Breach.LOST, text)
        if client.open:
            for room, id in written.keys() - settled:
                yield Finding(Breach.UNSETTLED, f"{client.name}: {room} {id} was never answered")


def _is_out(client: Client, refused: History, standings: Standings, seq: int) -> bool:
    """Whether it was refused since its author is not in the room any more: nothing of it is told to him then, and he
    does not know whether it was stored."""
    left = any(record["kind"] == "left" and record["room"] == refused["room"] for record in client.records)
    return refused["code"] in ("not_joined", "no_such_room") and (left or standings.is_out_after(client.user, seq))


def _is_as_written(entry: History, written: History | None) -> bool:
    """But for what a change may have made of it: see `_folded`."""
    if written is None:
        return True
    if written["what"] in KINDS:
        kind, role = KINDS[written["what"]]
        written = {**written, "what": kind} | ({} if role is None else {"role": role})
    same_kind = entry["what"] in (written["what"], "deleted" if written["what"] in MESSAGES else None)
    return same_kind and all(entry.get(name) == written.get(name) for name in GIVEN)


def _folded(logs: dict[str, Log], versions: dict[str, Versions]) -> Iterator[Finding]:
    """Each message is stored as what was written of it, and all stored changes, leave it."""
    for room, log in logs.items():
        for seq in versions[room]:
            stored, folded = log.by_seq[seq], versions[room].last(seq)
            if is_like(stored, folded):
                continue
            if seq in versions[room].deleted_by and stored["text"]:
                yield Finding(Breach.NOT_GONE, f"{room} {seq} is deleted, and its text is stored")
            elif stored["text"] == folded.get("text", "") or seq in versions[room].deleted_by:
                yield Finding(Breach.DIVERGED, f"{room} {seq} is stored as {_said(stored)}, not {_said(folded)}")
            else:
                yield Finding(Breach.LOST, f"{room} {seq} is stored with another text than was written last")


def _said(said: History) -> str:
    """In few words."""
    shown = {name: said[name] for name in SAID if said.get(name)}
    return ", ".join(f"{name} {str(value)[:60]!r}" for name, value in shown.items())


def _seen(clients: Sequence[Client], logs: dict[str, Log], versions: dict[str, Versions]) -> Iterator[Finding]:
    """What came is what is stored; it is shown once and in order; and comes once and in order over one connection."""
    for client in clients:
        live: dict[tuple[int, str], int] = {}
        wrong: set[tuple[str, int, str]] = set()
        for record in client.records:
            if record["kind"] != "receive":
                continue
            room, seq, id, sender = record["room"], record["seq"], record["id"], record["sender"]
            entry = logs[room].by_seq.get(seq)
            if (room, seq, id) not in wrong and not _is_stored_so(record, entry, versions[room]):
                wrong.add((room, seq, id))
                elsewhere = logs[room].by_id.get((sender, id))
                if elsewhere is not None and elsewhere["seq"] != seq:
                    text = f"{client.name}: {room} {id} came as {seq} and is {elsewhere['seq']}"
                    yield Finding(Breach.DISORDER, text)
                else:
                    place = f"{client.name}: {room} {seq} {id} came {record['via']}, as of {record['as_of']}, as"
                    yield Finding(Breach.UNSTORED, f"{place} {_said(record)}, and is not stored so")
            # One's own copy comes again with each retry: that is the acknowledgement.
            if record["via"] == "live" and sender != client.user:
                before = live.get((record["connection"], room), 0)
                if seq == before:
                    yield Finding(Breach.DOUBLE, f"{client.name}: {room} {seq} came twice over one connection")
                elif seq < before:
                    yield Finding(Breach.DISORDER, f"{client.name}: {room} {seq} came after {before}")
                live[record["connection"], room] = max(before, seq)
        for room, shown in [*client.past, *client.shown.items()]:
            yield from _shown(client.name, room, shown)


def _is_stored_so(seen: History, entry: History | None, versions: Versions) -> bool:
    """Whether the log has what came, as it was when it held what it is said to hold, or later."""
    if entry is None or (entry["id"], entry["sender"]) != (seen["id"], seen["sender"]):
        return False
    if entry["what"] in MESSAGES:
        return seen["what"] in MESSAGES and versions.is_seen_rightly(seen["seq"], seen, seen["as_of"])
    if any(entry.get(name) != seen.get(name) for name in ("what", *GIVEN)):
        return False
    return entry["what"] != "edit" or versions.is_text_of(seen)


def _held(clients: Sequence[Client], versions: dict[str, Versions]) -> Iterator[Finding]:
    """Whoever has a room up to some number shows its messages as all do who have it up to there, however they came to
    it: live, resumed, in pages."""
    for client in clients:
        for record in client.records:
            if record["kind"] != "state":
                continue
            room, whole = record["room"], record["whole"]
            for held in record["messages"]:
                if not versions[room].is_seen_rightly(held["seq"], held, whole):
                    text = f"{client.name}: {room} {held['seq']} is held up to {whole} as {_said(held)}"
                    yield Finding(Breach.DIVERGED, text)


def _gone(clients: Sequence[Client], versions: dict[str, Versions]) -> Iterator[Finding]:
    """Whoever asks once a deletion has been acknowledged is not told any more what was deleted. (What comes by itself
    may have been on its way.)"""
    gone_since: dict[tuple[str, int], float] = {}
    for client in clients:
        for record in client.records:
            if record["kind"] == "ack":
                key = record["room"], record["seq"]
                gone_since[key] = min(gone_since.get(key, record["at"]), record["at"])
    for client in clients:
        for record in client.records:
            if record["kind"] != "receive" or record["asked"] is None or record["what"] not in ("chat", "file", "edit"):
                continue
            room, of = record["room"], record["of"] if "of" in record else record["seq"]
            since = gone_since.get((room, versions[room].deleted_by.get(of, 0)))
            says = record["what"] != "edit" or record["text"]
            if since is not None and says and record["asked"] > since:
                place = f"{client.name}: {room} {of} came {record['via']} as {_said(record)}"
                yield Finding(Breach.NOT_GONE, f"{place}, {record['asked'] - since:.3f} s after it was deleted")


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


def _complete(clients: Sequence[Client], logs: dict[str, Log]) -> Iterator[Finding]:
    """Who is in a room at the end has seen all of it, from the first number that was shown, but for what it said that
    it passes over."""
    for client in clients:
        if not client.open:
            continue
        for room, first_joined in client.joined.items():
            shown = {seq for seq, _, _ in client.shown.get(room, ())}
            start = min(shown, default=first_joined + 1)
            log = logs[room]
            passed = {seq for skip in client.skipped[room] for seq in range(skip.first, skip.last + 1)}
            unsaid = {seq for skip in client.skipped[room] for seq in range(skip.first, skip.through + 1)}
            unsaid.update(range(start, client.began_with.get(room, 0) + 1))
            passed.update(seq for seq in unsaid if log.is_change(seq))
            missing = [seq for seq in range(start, log.last + 1) if seq not in shown and seq not in passed]
            if missing:
                text = f"{client.name}: {room} lacks {len(missing)}, the first of them {missing[0]}"
                yield Finding(Breach.INCOMPLETE, text)


def _passed_over(clients: Sequence[Client], logs: dict[str, Log]) -> Iterator[Finding]:
    """A client passes over what it missed in a long absence, and nothing else; and does not show it after all."""
    for client in clients:
        for room, skips in client.skipped.items():
            shown = {seq for seq, _, _ in client.shown[room]}
            for skip in skips:
                place = f"{client.name}: {room} {skip.first} to {skip.last}"
                if skip.missing <= skip.bound:
                    yield Finding(Breach.INCOMPLETE, f"{place} were passed over, and only {skip.missing} were missing")
                passed = {*range(skip.first, skip.last + 1)}
                passed |= {seq for seq in range(skip.first, skip.through + 1) if logs[room].is_change(seq)}
                if passed & shown:
                    yield Finding(Breach.DISORDER, f"{place} were passed over, and some of them shown")


@dataclass
class _Sent:
    """Where in a connection's sends an id stands, first and last."""

    first: int
    last: int
    seq: int


def _senders(clients: Sequence[Client], logs: dict[str, Log]) -> Iterator[Finding]:
    """One connection's entries to one room are numbered as it sent them.

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
            entry = logs[room].by_id.get((client.user, id))
            if entry is None or (client.user, id) in refused or len(used[client.user, room, id]) > 1:
                continue
            sent = groups[record["connection"], room].setdefault(id, _Sent(position, position, entry["seq"]))
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


def _presence(clients: Sequence[Client], present: dict[str, set[str]]) -> Iterator[Finding]:
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
