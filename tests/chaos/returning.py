"""Many light clients in a process of their own: `python -m tests.chaos.returning`. They join rooms, come back when
their connection is lost, resume by `after`, and take down how that went. For `tests.chaos.storm`.

Lines of JSON in: a `Plan`; later the newest number of each room. Lines out: `"subscribed"` once all have joined, and a
`Report` once all have everything.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from tests.chaos.flooder import framed

AT_ONCE = 100
SEQ = re.compile(rb'"seq":(\d+)')
PONG = b"\x8a\x80\0\0\0\0"


@dataclass
class Plan:
    """`first`: where all begin; `others`: where they come back, one after the other. `subscriptions`: a token and a
    room for each client. `jitter_s`: within which they come back. `seed`: of that."""

    first: str
    others: list[str]
    subscriptions: list[tuple[str, str]]
    jitter_s: float
    seed: int


@dataclass
class Report:
    """`returned`: for each client that came back the monotonic time at which it had everything again; `tries`:
    connections that were refused or lost on the way. `behind`: who lacks something at the end."""

    returned: list[float] = field(default_factory=list)
    tries: int = 0
    doubled: int = 0
    gaps: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)


class Light(asyncio.Protocol):
    """One client in one room. `have`: everything up to this number; `ahead`: numbers beyond a gap."""

    def __init__(self, token: str, room: str, report: Report) -> None:
        self._token, self.room, self._report = token, room, report
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = False
        self._live = 0
        self.have = 0
        self._ahead: set[int] = set()
        self._asking = False
        self.is_subscribed = asyncio.Event()
        self.lost = asyncio.Event()

    async def connect(self, url: str) -> None:
        """Raises OSError. Has joined the room when `is_subscribed` is set."""
        self._buffer, self._upgraded, self._live, self._asking = b"", False, 0, False
        self.lost.clear()
        self.is_subscribed.clear()
        where = urlsplit(url)
        await asyncio.get_running_loop().create_connection(lambda: self, where.hostname or "", where.port or 80)
        assert self._transport is not None
        self._transport.write(
            f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head:
                self._end()
                return
            self._upgraded, self._buffer = True, rest
            self._say({"type": "auth", "token": self._token})
        for opcode, payload in self._frames():
            if opcode == 1:
                self._take(payload)
            elif opcode == 9 and self._transport is not None:
                self._transport.write(PONG)
            elif opcode == 8:
                self._end()

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Whole frames from the server, which masks none (RFC 6455, 5.2)."""
        while len(self._buffer) >= 2:
            size, at = self._buffer[1], 2
            if size >= 126:
                at = 4 if size == 126 else 10
                size = int.from_bytes(self._buffer[2:at])
            if len(self._buffer) < at + size:
                return
            opcode, payload = self._buffer[0] & 15, self._buffer[at : at + size]
            self._buffer = self._buffer[at + size :]
            yield opcode, payload

    def _take(self, payload: bytes) -> None:
        kind = payload[9 : payload.index(b'"', 9)]
        if kind in (b"message", b"change"):
            seq = int(SEQ.search(payload)[1])  # type: ignore[index]
            if seq <= self._live:
                self._report.doubled += 1
            self._live = max(self._live, seq)
            self._saw([seq])
        elif kind == b"welcome":
            self._say({"type": "join", "room": self.room, "after": self.have})
        elif kind in (b"joined", b"history"):
            frame = json.loads(payload)
            self._asking = False
            if kind == b"joined":
                self._live = frame["seq"]
            self._saw([message["seq"] for message in frame["messages"]])
            if frame["more"]:
                self._ask()
            elif not self._ahead:
                self.is_subscribed.set()
        elif kind == b"error":
            self._refused(json.loads(payload))

    def _saw(self, numbers: list[int]) -> None:
        self._ahead.update(seq for seq in numbers if seq > self.have)
        while self.have + 1 in self._ahead:
            self.have += 1
            self._ahead.discard(self.have)
        if self._ahead:
            self._ask()

    def _ask(self) -> None:
        if not self._asking:
            self._asking = True
            self._report.gaps += 1
            self._say({"type": "history", "room": self.room, "after": self.have, "limit": 200})

    def _refused(self, error: dict[str, Any]) -> None:
        self._report.errors[error["code"]] = self._report.errors.get(error["code"], 0) + 1
        self._end()  # and comes again

    def _say(self, frame: dict[str, Any]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framed(json.dumps(frame).encode()))

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def keep(client: Light, plan: Plan, chance: random.Random, places: asyncio.Semaphore, report: Report) -> None:
    """Connects, and comes back whenever the connection is lost."""
    elsewhere = cycle(chance.sample(plan.others, len(plan.others)))
    url, lost_before = plan.first, False
    while True:
        try:
            if lost_before:
                await _subscribe(client, url)
            else:
                async with places:
                    await _subscribe(client, url)
        except OSError:
            report.tries += lost_before
            url = next(elsewhere) if lost_before else url
            await asyncio.sleep(chance.uniform(0.2, 1.0))
            continue
        if lost_before:
            report.returned.append(time.monotonic())
        await client.lost.wait()
        lost_before, url = True, next(elsewhere)
        await asyncio.sleep(chance.uniform(0.0, plan.jitter_s))


async def _subscribe(client: Light, url: str) -> None:
    """Raises OSError where it is lost first, or nothing comes."""
    await client.connect(url)
    waiting = [asyncio.ensure_future(client.is_subscribed.wait()), asyncio.ensure_future(client.lost.wait())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=30.0)
    finally:
        for each in waiting:
            each.cancel()
    if not client.is_subscribed.is_set():
        client._end()
        raise ConnectionError("not subscribed")


async def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    lines = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    plan = Plan(**json.loads(await lines.readline()))
    report, places = Report(), asyncio.Semaphore(AT_ONCE)
    clients = [Light(token, room, report) for token, room in plan.subscriptions]
    tasks = [
        asyncio.create_task(keep(client, plan, random.Random(f"{plan.seed}:{n}"), places, report))
        for n, client in enumerate(clients)
    ]
    for client in clients:
        await client.is_subscribed.wait()
    print(json.dumps("subscribed"), flush=True)
    newest: dict[str, int] = json.loads(await lines.readline())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        report.behind = [f"{c.room}: {c.have} of {newest[c.room]}" for c in clients if c.have < newest[c.room]]
        if not report.behind:
            break
        await asyncio.sleep(0.1)
    print(json.dumps(asdict(report)), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    uvloop.run(main())
