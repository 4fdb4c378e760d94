"""`make flood`: ten times more than the system can take, for two minutes, and what it does to those who behave.

RabbitMQ, PostgreSQL, two gateways and two routers are flooded by a process of its own: many connections in one hot
room, some in several loud ones, most of them ignoring what they are told, some just within the limits. Meanwhile
well-behaved
clients talk in rooms of their own. Twice: with the production limits, where the gateway refuses by rate, and without,
where only the bounds in bytes are left. Held to:

- memory: each process is looked at every second; see `memory.Judged.is_flat`, and the bounds in `BOUNDS`
- latency: 99 % of the well-behaved clients' own copies come within a second, retries included
- refusals: each is `rate_limited` or `overloaded`, and says when to come back
- promises: the well-behaved clients' histories are held to docs/protocol.md by `checker`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from shared.client import Client, Message
from tests.chaos.checker import check
from tests.chaos.evidence import History
from tests.chaos.flooder import Flooder
from tests.chaos.memory import Judged, Memory, judge, root
from tests.chaos.onlooker import Onlooker
from tests.chaos.run import truth
from tests.chaos.verdict import Verdict
from tests.recording import Record
from tests.servers import postgres, rabbitmq
from tests.servers.missing import ServerMissing
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ
from tests.system.cluster import ROOT, Cluster

MODES = {"limits": {}, "lifted": {"HOMIN_FRAMES_PER_S": "0", "HOMIN_ROOM_FRAMES_PER_S": "0"}}
"""Settings that are not the production ones."""
BOUNDS = {"gateway": 384.0, "router": 512.0, "broker": 768.0, "database": 640.0}
"""MiB of one process (of the database: of all of it), whatever is sent."""
P99_S = 1.0
STORED = "homin_router_messages_total"
TEXT = "x" * 100


@dataclass(frozen=True)
class Plan:
    """`demand`: frames a second that the flood would like to send. `hot`, `loud`: connections that ignore the limits,
    in the one hot room and in several; `just`: connections in the hot room that send just what they may. `rooms`,
    `people`: well-behaved rooms and clients in each; `rate`: messages a second of each of these."""

    mode: str
    seconds: float = 120.0
    seed: int = 0
    demand: float = 300_000.0
    hot: int = 30
    loud: int = 40
    loud_rooms: int = 8
    just: int = 20
    rooms: int = 12
    people: int = 3
    rate: float = 0.5


@dataclass
class Outcome:
    """`flood`: what the flooders were told (`flooder.Told`). `latencies`: seconds, sorted. `stored`: messages a
    second, the flood's too."""

    plan: Plan
    flood: dict[str, Any]
    latencies: list[float]
    memory: list[Judged]
    verdict: Verdict
    stored: float

    def quantile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]

    @property
    def complaints(self) -> list[str]:
        """What was not held."""
        other = {code for code in self.flood["codes"] if code not in ("rate_limited", "overloaded")}
        found = [f"{m.name}: memory is not flat, or over its bound" for m in self.memory if not m.is_flat]
        found += [f"a well-behaved own copy took {self.quantile(0.99):.2f} s (p99)"] * (self.quantile(0.99) >= P99_S)
        found += [f"frames were refused as {', '.join(sorted(other))}"] * bool(other)
        found += [f"{self.flood['unkind']} refusals without retry_after_ms"] * bool(self.flood["unkind"])
        found += ["nothing was refused: that was no flood"] * (not self.flood["codes"])
        return found + [f"{finding.breach}: {finding.text}" for finding in self.verdict.findings[:20]]

    def table(self) -> str:
        told, seconds = self.flood, self.plan.seconds
        rows = [
            ("the flood would send", f"{told['wanted'] / seconds:,.0f} frames/s"),
            ("what its sockets took", f"{told['sent'] / seconds:,.0f} frames/s"),
            ("stored, all rooms", f"{self.stored:,.0f} messages/s"),
            *((f"refused: {code}", f"{count:,}") for code, count in sorted(told["codes"].items())),
            ("  without retry_after_ms", f"{told['unkind']:,}"),
            *((f"flooders closed: {code}", f"{count:,}") for code, count in sorted(told["closed"].items())),
            ("well-behaved: written", f"{self.verdict.written:,}"),
            ("  acknowledged", f"{self.verdict.acknowledged:,}"),
            ("  refused for now", f"{self.verdict.deferred:,}"),
            ("  breaches", f"{len(self.verdict.findings):,}"),
            *((f"  own copy, {name}", f"{self.quantile(share) * 1000:,.0f} ms") for name, share in QUANTILES),
        ]
        lines = [f"{name:<28}{value:>22}" for name, value in rows]
        lines.append(f"{'MiB':<16}{'first third':>13}{'last third':>13}{'peak':>9}{'bound':>9}")
        lines += [f"{m.name:<16}{m.first:>13,.0f}{m.last:>13,.0f}{m.peak:>9,.0f}{m.bound:>9,.0f}" for m in self.memory]
        return "\n".join(lines)


QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("longest", 1.0))


async def under_flood(plan: Plan, broker: RabbitMQ, database: Postgres, folder: Path) -> Outcome:
    urls = broker.make_vhost(), database.make_database()
    records: list[History] = []

    def recorder(record: Record) -> None:
        at, client, connection, kind, fields = record
        records.append({"at": at, "client": client, "connection": connection, "kind": kind, **fields})

    async with Cluster(*urls, folder, settings=MODES[plan.mode]) as cluster:
        rooms = [f"quiet-{n}" for n in range(plan.rooms)]
        names = [f"kind-{n}" for n in range(plan.rooms * plan.people)]
        clients = await cluster.clients(names, recorder=recorder, keep=None, in_flight=4)
        await asyncio.gather(*(client.join(rooms[n % plan.rooms], after=0) for n, client in enumerate(clients)))
        flooders = await _flooders(plan, cluster)
        memory = Memory(
            [
                *((p.name, lambda p=p: p.pid) for p in cluster.processes.values() if p.kind in BOUNDS),
                ("broker", lambda: root(broker)),
                ("database", lambda: root(database)),
            ]
        )
        flood = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.flooder"), cwd=ROOT, stdin=PIPE, stdout=PIPE, limit=1 << 20
        )
        assert flood.stdin is not None
        flood.stdin.write(json.dumps([asdict(one) for one in flooders]).encode() + b"\n")
        latencies: list[float] = []
        newest: dict[str, int] = {}
        before, began = await _stored(cluster), time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(memory.watch())]
            talk = [
                tasks.create_task(_talk(plan, client, rooms[n % plan.rooms], n, latencies, newest))
                for n, client in enumerate(clients)
            ]
            await asyncio.wait(talk)
            work[0].cancel()
        stored = (await _stored(cluster) - before) / (time.monotonic() - began)
        said, _ = await flood.communicate(b"")
        print(f"the flood is over: {stored:,.0f} messages/s were stored; waiting until all is quiet", flush=True)
        async with asyncio.timeout(60):
            for client in clients:
                await client.until(lambda c=client: not len(c.session.outbox))  # type: ignore[misc]
            for n, client in enumerate(clients):
                await client.caught_up(rooms[n % plan.rooms], newest[rooms[n % plan.rooms]])
        [watching] = await cluster.tokens(["onlooker"])
        async with Onlooker(cluster.of("gateway")[0].ws, watching) as onlooker:
            system = [{"at": 0.0, "client": "", "connection": 0, **r} async for r in truth(rooms, onlooker)]
        verdict = check([*records, *system])
        await asyncio.gather(*(client.stop() for client in clients))
        judged = [judge(name, s, BOUNDS[name.partition("-")[0]]) for name, s in memory.samples.items()]
        return Outcome(plan, json.loads(said), sorted(latencies), judged, verdict, stored)


async def _stored(cluster: Cluster) -> float:
    return sum([await router.metric(STORED) for router in cluster.of("router")])


async def _flooders(plan: Plan, cluster: Cluster) -> list[Flooder]:
    """Who floods, and where; half of the demand goes into the hot room."""
    gateways = [gateway.ws for gateway in cluster.of("gateway")]
    count = plan.hot + plan.loud + plan.just
    tokens = await cluster.tokens([f"flood-{n}" for n in range(count)])
    half = plan.demand / 2
    places = [
        *[("hot", half / plan.hot)] * plan.hot,
        *((f"loud-{n % plan.loud_rooms}", half / plan.loud) for n in range(plan.loud)),
        *[("hot", 18.0)] * plan.just,
    ]
    return [Flooder(gateways[n % len(gateways)], tokens[n], room, rate, TEXT) for n, (room, rate) in enumerate(places)]


async def _talk(
    plan: Plan, client: Client, room: str, number: int, latencies: list[float], newest: dict[str, int]
) -> None:
    """Says something now and then; takes down how long each own copy took, and the room's newest number."""
    chance, loop = Random(f"{plan.seed}:{number}"), asyncio.get_running_loop()
    end = loop.time() + plan.seconds
    said = 0

    def stored(done: asyncio.Future[Message], written: float) -> None:
        latencies.append(loop.time() - written)
        newest[room] = max(newest.get(room, 0), done.result().seq)

    while (pause := chance.expovariate(plan.rate)) + loop.time() < end:
        await asyncio.sleep(pause)
        said += 1
        client.chat(room, f"{number} {said}").add_done_callback(partial(stored, written=loop.time()))
    await asyncio.sleep(max(0.0, end - loop.time()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.flood", description=__doc__)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--demand", type=float, default=Plan.demand, help="frames a second that the flood would send")
    parser.add_argument("--mode", choices=[*MODES, "both"], default="both")
    given = parser.parse_args()
    seed = secrets.randbelow(1 << 31) if given.seed is None else given.seed
    failed = False
    for mode in MODES if given.mode == "both" else [given.mode]:
        folder = Path(tempfile.mkdtemp(prefix=f"homin-flood-{mode}-"))
        print(f"\n{mode}: seed {seed}, {given.seconds:.0f} s, logs in {folder}", flush=True)
        plan = Plan(mode, seconds=given.seconds, seed=seed, demand=given.demand)
        with ExitStack() as servers:
            broker = rabbitmq.find(own=True)
            servers.callback(broker.close)
            database = postgres.find(own=True)
            servers.callback(database.close)
            outcome = uvloop.run(under_flood(plan, broker, database, folder))
        print(outcome.table())
        print(*(f"NOT HELD: {complaint}" for complaint in outcome.complaints), sep="\n", flush=True)
        failed = failed or bool(outcome.complaints)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServerMissing as why:
        sys.exit(str(why))
