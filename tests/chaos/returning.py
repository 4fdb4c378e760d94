"""Many light clients in a process of their own: `python -m tests.chaos.returning`. They join rooms, come back when
their connection is lost, by `resume` or by a `join` with `after` for each room, and take down how that went. For
`tests.chaos.storm`.

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
ROOM = re.compile(rb'"room":"([^"]+)"')
JOINED_AT_ONCE = 8
"""As our clients do it."""
PONG = b"\x8a\x80\0\0\0\0"


@dataclass
class Plan:
    """`first`: where all begin; `others`: where they come back, one after the other. `subscriptions`: a token and the
    rooms for each client. `jitter_s`: within which they come back. `seed`: of that. `resume`: they come back by it."""

    first: str
    others: list[str]
    subscriptions: list[tuple[str, list[str]]]
    jitter_s: float
    seed: int
    resume: bool


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


class Held:
    """What a client has of a room. `have`: everything up to this number; `ahead`: numbers beyond a gap; `live`: the
    newest that came over this connection."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.have = self.live = 0
        self.ahead: set[int] = set()
        self.asking = self.joined = False

    def lost(self) -> None:
        self.live, self.asking, self.joined = 0, False, False

    @property
    def is_whole(self) -> bool:
        return self.joined and not self.ahead and not self.asking

    def saw(self, numbers: list[int]) -> None:
        self.ahead.update(seq for seq in numbers if seq > self.have)
        while self.have + 1 in self.ahead:
            self.have += 1
            self.ahead.discard(self.have)


class Light(asyncio.Protocol):
    """One client in some rooms."""

    def __init__(self, token: str, rooms: list[str], report: Report, resume: bool) -> None:
        self._token, self._report, self._resume = token, report, resume
        self.rooms = {name: Held(name) for name in rooms}
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = self._was_here = False
        self._waiting: list[Held] = []
        self.is_subscribed = asyncio.Event()
        self.lost = asyncio.Event()

    async def connect(self, url: str) -> None:
        """Raises OSError. Has joined the rooms when `is_subscribed` is set."""
        self._buffer, self._upgraded = b"", False
        for held in self.rooms.values():
            held.lost()
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
            held = self.rooms[ROOM.search(payload)[1].decode()]  # type: ignore[index]
            seq = int(SEQ.search(payload)[1])  # type: ignore[index]
            if seq <= held.live:
                self._report.doubled += 1
            held.live = max(held.live, seq)
            self._saw(held, [seq])
        elif kind == b"welcome":
            self._enter()
        elif kind in (b"joined", b"resumed", b"history"):
            frame = json.loads(payload)
            for room in frame["rooms"] if kind == b"resumed" else [frame]:
                self._told(room, self.rooms[room["room"]], kind != b"history")
        elif kind == b"error":
            self._refused(json.loads(payload))

    def _enter(self) -> None:
        if self._resume and self._was_here:
            rooms = [{"room": held.name, "after": held.have} for held in self.rooms.values() if not held.joined]
            self._say({"type": "resume", "rooms": rooms})
            return
        self._was_here = True
        self._waiting = list(self.rooms.values())
        for _ in range(JOINED_AT_ONCE):
            self._join()

    def _join(self) -> None:
        if self._waiting:
            held = self._waiting.pop()
            self._say({"type": "join", "room": held.name, "after": held.have})

    def _told(self, room: dict[str, Any], held: Held, entered: bool) -> None:
        if "error" in room:
            self._refused(room["error"])
            return
        held.asking = False
        if entered:
            held.joined, held.live = True, room["seq"]
            self._join()
        before = held.have
        self._saw(held, [message["seq"] for message in room["messages"]])
        if room["more"] and (entered or held.have > before):
            self._ask(held)
        if not self.is_subscribed.is_set() and all(each.is_whole for each in self.rooms.values()):
            self.is_subscribed.set()

    def _saw(self, held: Held, numbers: list[int]) -> None:
        held.saw(numbers)
        if held.ahead:
            self._ask(held)

    def _ask(self, held: Held) -> None:
        if not held.asking:
            held.asking = True
            self._report.gaps += 1
            self._say({"type": "history", "room": held.name, "after": held.have, "limit": 200})

    def _refused(self, error: dict[str, Any]) -> None:
        self._report.errors[error["code"]] = self._report.errors.get(error["code"], 0) + 1
        if self._resume and self._was_here and error.get("retryable"):
            # As our clients do: the rooms that were not answered.
            loop, connection = asyncio.get_running_loop(), self._transport
            wait = error.get("retry_after_ms", 1_000) / 1_000 * random.uniform(1, 2)
            loop.call_later(wait, lambda: self._enter() if self._transport is connection else None)
            return
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
    clients = [Light(token, rooms, report, plan.resume) for token, rooms in plan.subscriptions]
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
        held = [room for client in clients for room in client.rooms.values()]
        report.behind = [
            f"{room.name}: {room.have} of {newest[room.name]}" for room in held if room.have < newest[room.name]
        ]
        if not report.behind:
            break
        await asyncio.sleep(0.1)
    print(json.dumps(asdict(report)), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    uvloop.run(main())
