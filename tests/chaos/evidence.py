"""What one run's records say, client by client and room by room. Pure.

A history is a list of records, each a dict with `at` (seconds of one monotonic clock), `client`, `connection`, `kind`
and what `tests.recording.Record` lists for that kind. Two kinds are the run's own, taken once all is quiet:

`stored` room seq id sender made …: one entry as `history` gives it, with its `at` and what it says; `present` room
online: the users that a `joined` frame of an onlooker shows (fewer than a hundred, so all of them); `stands` room seq
user stands: how that says that the room stands, to that user; `summary` room user seq read_seq unread mentions notify:
what the list of rooms says to that user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.chaos.memberships import Standings
from tests.chaos.versions import MESSAGES, Versions, texts_of, versions_of

History = dict[str, Any]
"""One record."""


class Skip(NamedTuple):
    """Numbers that a client passed over, and up to `through` the changes. `missing`: how many it knew to be missing
    then; `bound`: how many it fetches without being asked."""

    first: int
    last: int
    through: int
    missing: int
    bound: int


class Log:
    """A room as `history` gives it: `stored` records."""

    def __init__(self) -> None:
        self.entries: list[History] = []
        self.by_seq: dict[int, History] = {}
        self.by_id: dict[tuple[str, str], History] = {}

    def add(self, entry: History) -> None:
        self.entries.append(entry)
        self.by_seq.setdefault(entry["seq"], entry)
        self.by_id.setdefault((entry["sender"], entry["id"]), entry)

    @property
    def last(self) -> int:
        return max(self.by_seq, default=0)

    def is_change(self, seq: int) -> bool:
        return seq in self.by_seq and self.by_seq[seq]["what"] not in MESSAGES


class Client:
    """What one client's records say. `user`: who it is, as its welcomes said. `open`: whether it ended connected."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.user = ""
        self.open = False
        self.connection = 0
        self.joined: dict[str, int] = {}
        """Rooms that the present connection has joined, and the room's `seq` at the first `joined` of all."""
        self.first_joined: dict[str, int] = {}
        self.began_with: dict[str, int] = {}
        """Up to here the messages that a fresh `joined` listed hold the changes, which are not shown."""
        self.shown: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self.skipped: dict[str, list[Skip]] = defaultdict(list)
        self.newest: dict[str, int] = defaultdict(int)
        """The highest number of each room that it has heard of."""
        self.past: list[tuple[str, list[tuple[int, str, str]]]] = []
        """What was shown of rooms before they were forgotten."""
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
                if record["fresh"]:
                    self.began_with[record["room"]] = record["as_of"]
                self._heard_of(record)
            case "receive":
                self._heard_of(record)
            case "skipped":
                room, first = record["room"], record["first"]
                missing = self.newest[room] - first + 1
                skip = Skip(first, record["last"], record["through"], missing, record["catch_up"])
                self.skipped[room].append(skip)
            case "left":
                self._forget(record["room"])
            case "show":
                self.shown[record["room"]].append((record["seq"], record["sender"], record["id"]))

    def _forget(self, room: str) -> None:
        """It is no member any more; if it comes back, it begins anew."""
        self.past.append((room, self.shown.pop(room, [])))
        for known in (self.joined, self.first_joined, self.began_with, self.skipped, self.newest):
            known.pop(room, None)

    def _heard_of(self, record: History) -> None:
        self.newest[record["room"]] = max(self.newest[record["room"]], record["seq"])


class Evidence(NamedTuple):
    """`logs`, `versions`, `standings`: of each room, empty ones of rooms that nothing is stored of. `present`: who is
    shown online in it. `told`: `stands` records; `listed`: `summary` records."""

    clients: list[Client]
    logs: dict[str, Log]
    versions: dict[str, Versions]
    standings: dict[str, Standings]
    present: dict[str, set[str]]
    told: list[History]
    listed: list[History]


def read(records: Iterable[History]) -> Evidence:
    """All of one run's records, in the order in which each client made them."""
    clients: dict[str, Client] = {}
    logs: dict[str, Log] = defaultdict(Log)
    present: dict[str, set[str]] = {}
    told: list[History] = []
    listed: list[History] = []
    for record in records:
        if record["kind"] == "stored":
            logs[record["room"]].add(record)
        elif record["kind"] == "present":
            present[record["room"]] = set(record["online"])
        elif record["kind"] == "stands":
            told.append(record)
        elif record["kind"] == "summary":
            listed.append(record)
        else:
            clients.setdefault(record["client"], Client(record["client"])).take(record)
    written = ((c.user, r) for c in clients.values() for r in c.records if r["kind"] == "write")
    stored = {room: [log.by_seq[seq] for seq in sorted(log.by_seq)] for room, log in logs.items()}
    versions = defaultdict(lambda: Versions([], {}), versions_of(stored, texts_of(written)))
    standings = _standings(clients.values(), stored)
    return Evidence(list(clients.values()), logs, versions, standings, present, told, listed)


class _OfEach(dict[str, Standings]):
    """Nothing is known of the others."""

    def __missing__(self, room: str) -> Standings:
        self[room] = standings = Standings(room, (), ())
        return standings


def _standings(clients: Iterable[Client], stored: dict[str, list[History]]) -> dict[str, Standings]:
    seen: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for client in clients:
        for record in client.records:
            if record["kind"] in ("ack", "receive", "joined"):
                seen[record["room"]].append((record["seq"], record["at"]))
    return _OfEach({room: Standings(room, log, seen[room]) for room, log in stored.items()})
