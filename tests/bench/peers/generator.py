"""`python -m tests.bench.peers.generator`: one load for every chat server: the same rooms, senders and texts, measured
the same way.

R rooms of M members. Connection i is in room i mod R and goes to address (i div R) mod (number of addresses), so that
with two addresses every room spans both nodes. A message counts as delivered once for each member, the sender's own
copy included. There are two ways to drive a server:

    --window W   closed loop: W messages are under way in each room; the next leaves when its sender has seen its own
                 copy of the last. Gives the highest rate that the server sustains.
    --rate N     open loop: N messages a second over all rooms. Gives the latency under a fixed load, measured from the
                 moment at which a message was due, so that a stall is not hidden (coordinated omission).

Prints one JSON object: sent, delivered, missing, closed, messages and deliveries a second, latency in milliseconds
(p50, p99, max); and of the processes that --pids names, with their children: CPU microseconds a delivery, KiB of
resident memory that an idle connection takes, MiB of resident memory at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import picows
import uvloop

from tests.bench.peers.protocols import speech
from tests.bench.processes import tree, usage

now = time.perf_counter_ns
STAMP = b"t="
SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
SAMPLE = 7  # one delivery in so many is timed
JOIN_S = 60
QUIET_S = 2.0  # when nothing has come for so long, what is missing is missing
STEP_S = 0.1


class Member(picows.WSListener):
    """One connection. Reads of what it receives no more than the kind and the time stamp."""

    def __init__(self, load: Load, index: int) -> None:
        self._load, self.index, self.room = load, index, index % load.rooms
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._user, self._room_name = f"u{index}", f"r{self.room}"

    def on_ws_connected(self, transport: Any) -> None:
        self.transport = transport
        for frame in self._load.speech.opening(self._user, self._room_name):
            self.send(frame)

    def send(self, frame: str) -> None:
        self.transport.send(picows.WSMsgType.TEXT, frame.encode())

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.TEXT:
            self._text(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            self._load.closed += 1

    def on_ws_disconnected(self, transport: Any) -> None:
        if not self._load.ended:
            self._load.closed += 1

    def _text(self, data: bytes) -> None:
        load, said = self._load, self._load.speech
        if said.delivery in data:
            at = data.find(STAMP)
            due, sender, _ = data[at + len(STAMP) : data.index(b";", at)].split(b",")
            load.arrived(int(due))
            if int(sender) == self.index:
                load.acknowledged(self)
        elif said.welcomed is not None and data.startswith(said.welcomed):
            self.send(said.join(self._user, self._room_name))
        elif said.joined in data and not self.ready.done():
            self.ready.set_result(None)
        elif data == b"2":  # Engine.IO's own ping
            self.send("3")
        elif b'"type":"error"' in data:
            load.errors[data[:160]] += 1


class Load:
    """`rooms` × `members` connections, and what is driven through them. `pad`: what makes a text as long as it is."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.speech = speech(given.protocol, Path(given.tokens).read_text().split() if given.tokens else [])
        self.rooms, self.members = given.rooms, given.members
        self.sent = self.delivered = self.closed = 0
        self.errors: Counter[bytes] = Counter()
        self.latency_ns: list[int] = []
        self.ended = self._sending = False
        self._turn = [0] * self.rooms
        self._pad = "x" * max(0, given.body - 40)
        self._all: list[Member] = []

    async def connect(self) -> float:
        """Opens all connections; seconds that it took."""
        gate = asyncio.Semaphore(self.given.connect_at_once)
        addresses = self.given.url.split(",")

        async def open_one(index: int) -> Member:
            async with gate:
                address = addresses[(index // self.rooms) % len(addresses)] + self.speech.path
                _, member = await picows.ws_connect(lambda: Member(self, index), address, enable_auto_pong=False)
                assert isinstance(member, Member)
                await asyncio.wait_for(member.ready, JOIN_S)
                return member

        began = now()
        self._all = await asyncio.gather(*(open_one(i) for i in range(self.rooms * self.members)))
        self._by_room: list[list[Member]] = [[] for _ in range(self.rooms)]
        for member in self._all:
            self._by_room[member.room].append(member)
        return (now() - began) / 1e9

    def arrived(self, due: int) -> None:
        self.delivered += 1
        if self.delivered % SAMPLE == 0:
            self.latency_ns.append(now() - due)

    def acknowledged(self, member: Member) -> None:
        """Its own copy is there: in a closed loop the room's next message leaves."""
        if self._sending and self.given.window:
            self._send(member.room, now())

    async def drive(self) -> tuple[int, float]:
        """For the given time, and until all is there; gives what was delivered in time, and the seconds."""
        self._sending, began = True, now()
        if self.given.window:
            for _ in range(self.given.window):
                for room in range(self.rooms):
                    self._send(room, now())
            await asyncio.sleep(self.given.seconds)
        else:
            await self._at_a_rate(began)
        self._sending, seconds = False, (now() - began) / 1e9
        in_time = self.delivered
        await self._until_quiet()
        return in_time, seconds

    def close(self) -> None:
        self.ended = True
        for member in self._all:
            member.transport.disconnect()

    async def _at_a_rate(self, began: int) -> None:
        gap = 1e9 / self.given.rate
        for n in range(round(self.given.rate * self.given.seconds)):
            due = began + int(n * gap)
            if (wait_s := (due - now()) / 1e9) > 0.0005:
                await asyncio.sleep(wait_s)
            self._send(n % self.rooms, due)
            if n % 64 == 0:
                await asyncio.sleep(0)

    async def _until_quiet(self) -> None:
        quiet, last = 0.0, -1
        while quiet < QUIET_S and self.delivered < self.sent * self.members:
            quiet, last = (quiet + STEP_S if self.delivered == last else 0.0), self.delivered
            await asyncio.sleep(STEP_S)

    def _send(self, room: int, due: int) -> None:
        people = self._by_room[room]
        member = people[self._turn[room] % len(people)]
        self._turn[room] += 1
        self.sent += 1
        text = f"t={due},{member.index},{self.sent};{self._pad}"
        member.send(self.speech.chat(f"r{room}", text, f"{member.index}-{self.sent}-{os.getpid()}"))


def percentile(ordered: Sequence[int], share: float) -> float | None:
    """In milliseconds, of nanoseconds in order."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6, 2) if ordered else None


async def measure(given: argparse.Namespace) -> None:
    load = Load(given)
    pids = [int(pid) for pid in given.pids.split(",") if pid]
    empty = usage(tree(pids))
    connect_s = await load.connect()
    await asyncio.sleep(1)  # what a server still does for new connections is no part of the load
    idle = usage(tree(pids))
    in_time, seconds = await load.drive()
    after = usage(tree(pids))
    connections, ordered = load.rooms * load.members, sorted(load.latency_ns)
    said: dict[str, Any] = {
        "protocol": given.protocol, "rooms": load.rooms, "members": load.members, "body": given.body,
        "mode": f"window {given.window}" if given.window else f"rate {given.rate}/s",
        "connect_per_s": round(connections / connect_s), "sent": load.sent, "delivered": load.delivered,
        "missing": load.sent * load.members - load.delivered, "closed": load.closed,
        "messages_per_s": round(in_time / load.members / seconds), "deliveries_per_s": round(in_time / seconds),
        "latency_ms": {name: percentile(ordered, share) for name, share in SHARES.items()},
    }  # fmt: skip
    if pids:
        said["cpu_us_per_delivery"] = round((after.cpu_s - idle.cpu_s) * 1e6 / max(1, load.delivered), 2)
        said["kib_per_connection"] = round((idle.rss - empty.rss) / 1024 / connections, 1)
        said["rss_mib"] = round(after.rss / 2**20)
    if load.errors:
        said["errors"] = {text.decode(errors="replace"): times for text, times in load.errors.most_common(5)}
    print(json.dumps(said), flush=True)
    load.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", choices=["first", "homin", "socketio"], required=True)
    parser.add_argument("--url", required=True, help="one or more, with commas")
    parser.add_argument("--rooms", type=int, default=10)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--body", type=int, default=150, help="characters of a text")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--window", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--pids", default="", help="processes to account, with commas; their children count too")
    parser.add_argument("--tokens", help="homin: a file of tokens, one a line, used in turn")
    parser.add_argument("--connect-at-once", type=int, default=50)
    given = parser.parse_args()
    if bool(given.window) == bool(given.rate):
        sys.exit("Give one of --window and --rate.")
    uvloop.run(measure(given))


if __name__ == "__main__":
    main()
