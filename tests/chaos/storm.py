"""`make storm`: a gateway dies under thousands of clients, and all of them come back within five seconds. `make storm
ROOMS=50`: of people with fifty rooms each, who come back by `resume`; with BASE=… also at that commit, by `join`s.

RabbitMQ, PostgreSQL, two routers, three gateways. The light clients of `tests.chaos.returning` are on one gateway, in
rooms where others talk all the time; it is killed (SIGKILL), and they come back on the other two, with jitter, and
resume by `after`. Says how fast; fails where somebody did not come back, lacks a message, or got one twice over one
connection.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from shared.client import Client, Message
from tests.bench.base import checkout
from tests.bench.processes import Watch
from tests.bench.serve import roots
from tests.chaos.memory import Memory
from tests.chaos.returning import Plan as Returning
from tests.servers import postgres, rabbitmq
from tests.servers.missing import ServerMissing
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ
from tests.system.cluster import ROOT, Cluster

SUBSCRIBED_S = 300.0
SETTLE_S = 30.0
"""Within which those with many rooms may be back."""
MANY_JITTER_S = 1.0


@dataclass(frozen=True)
class Plan:
    """`clients`: on the gateway that dies; `room`: of them in each room; `rate`: messages a second, all together.
    `processes`: that the clients are spread over. `talk_s`: before the gateway's end, and after the last may be
    back. `rooms`: that each client is in; `settle_s`: how long their coming back may
    take beside. `resume`: they come back by it. `root`: the checkout of the services."""

    clients: int = 5_000
    seed: int = 0
    room: int = 50
    rate: float = 50.0
    processes: int = 2
    jitter_s: float = 5.0
    talk_s: float = 3.0
    rooms: int = 1
    settle_s: float = 0.0
    resume: bool = True
    root: Path = ROOT


@dataclass
class Outcome:
    """Seconds are counted from the end of the gateway. `returned`: when each had everything again, sorted."""

    plan: Plan
    returned: list[float]
    written: int
    tries: int
    doubled: int
    gaps: int
    errors: Counter[str]
    behind: list[str]
    memory: dict[str, tuple[float, float]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    """Seconds of each part until the last was back."""

    @property
    def is_whole(self) -> bool:
        return len(self.returned) == self.plan.clients and not self.behind and not self.doubled

    def table(self) -> str:
        busiest = max(Counter(int(at) for at in self.returned).values(), default=0)
        rows = [
            ("clients of the dead gateway", f"{self.plan.clients:,}"),
            ("came back", f"{len(self.returned):,}"),
            ("half of them after", f"{self.returned[len(self.returned) // 2]:.1f} s" if self.returned else ""),
            ("the last had everything after", f"{self.returned[-1]:.1f} s" if self.returned else ""),
            *((f"CPU of {name}", f"{seconds:.1f} s") for name, seconds in self.cpu.items()),
            ("CPU of all", f"{sum(self.cpu.values()):.1f} s"),
            ("in the busiest second", f"{busiest:,}"),
            ("tried again", f"{self.tries:,}"),
            *((f"refused: {code}", f"{count:,}") for code, count in sorted(self.errors.items())),
            ("messages meanwhile", f"{self.written:,}"),
            ("asked for a gap", f"{self.gaps:,}"),
            ("twice", f"{self.doubled:,}"),
            ("lack something", f"{len(self.behind):,}"),
            *((f"{name}, MiB", f"{before:.0f}, at most {peak:.0f}") for name, (before, peak) in self.memory.items()),
        ]
        return "\n".join(f"{name:<32}{value:>18}" for name, value in rows)


async def under_storm(plan: Plan, broker: RabbitMQ, database: Postgres, folder: Path) -> Outcome:
    urls = broker.make_vhost(), database.make_database()
    unlimited = {"HOMIN_FRAMES_PER_S": "0", "HOMIN_LOG": "warning"} if plan.rooms > 1 else {}
    async with Cluster(*urls, folder, gateways=3, settings=unlimited, root=plan.root) as cluster:
        doomed, *others = cluster.of("gateway")
        rooms = [f"storm-{n}" for n in range(max(plan.rooms, plan.clients * plan.rooms // plan.room))]
        chance = Random(f"{plan.seed}:rooms")
        tokens = await cluster.tokens([f"storm-{n}" for n in range(plan.clients)])
        # Those who talk are elsewhere, each in some of the rooms.
        elsewhere = [[gateway.ws for gateway in others]]
        talkers = await cluster.clients([f"talker-{n}" for n in range(8)], elsewhere * 8, keep=10, in_flight=16)
        await asyncio.gather(*(talkers[n % 8].join(room) for n, room in enumerate(rooms)))
        subscriptions = [(token, chance.sample(rooms, plan.rooms)) for token in tokens]
        share = [subscriptions[n :: plan.processes] for n in range(plan.processes)]
        processes = [
            await _process(Returning(doomed.ws, elsewhere[0], some, plan.jitter_s, plan.seed + n, plan.resume))
            for n, some in enumerate(share)
        ]
        async with asyncio.timeout(SUBSCRIBED_S):
            for process in processes:
                assert await _line(process) == "subscribed"
        memory = Memory((p.name, lambda p=p: p.pid) for p in (*others, *cluster.of("router")))  # type: ignore[misc]
        written: list[asyncio.Future[Message]] = []
        watching = asyncio.create_task(memory.watch())
        talking = asyncio.create_task(_talk(plan, talkers, rooms, written))
        await asyncio.sleep(plan.talk_s)
        parts = {"gateways": [p.pid for p in others], "routers": [p.pid for p in cluster.of("router")]}
        parts |= {"broker": roots(broker), "database": roots(database)}
        with Watch(parts) as used:
            doomed.kill()
            died = time.monotonic()
            await asyncio.sleep(plan.jitter_s + plan.talk_s + plan.settle_s)
        for task in (talking, watching):
            task.cancel()
        await asyncio.gather(talking, watching, return_exceptions=True)
        newest = dict.fromkeys(rooms, 0)
        for message in await asyncio.gather(*written):
            newest[message.room] = max(newest[message.room], message.seq)
        reports = []
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps(newest).encode() + b"\n")
        for process in processes:
            reports.append(await _line(process))
            await process.wait()
        await asyncio.gather(*(client.stop() for client in talkers))
        returned = sorted(at - died for report in reports for at in report["returned"])
        return Outcome(
            plan,
            returned,
            len(written),
            sum(report["tries"] for report in reports),
            sum(report["doubled"] for report in reports),
            sum(report["gaps"] for report in reports),
            sum((Counter(report["errors"]) for report in reports), Counter()),
            [one for report in reports for one in report["behind"]],
            {name: (samples[0], max(samples)) for name, samples in memory.samples.items()},
            used.cpu_between(died, died + returned[-1]) if returned else {},
        )


async def _process(plan: Returning) -> Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.returning"), cwd=ROOT, stdin=PIPE, stdout=PIPE, limit=1 << 24
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)).encode() + b"\n")
    return process


async def _line(process: Process) -> Any:
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "the clients' process has ended by itself"
    return json.loads(line)


async def _talk(plan: Plan, talkers: list[Client], rooms: list[str], written: list[asyncio.Future[Message]]) -> None:
    """Until cancelled."""
    chance = Random(f"{plan.seed}:talk")
    while True:
        await asyncio.sleep(chance.expovariate(plan.rate))
        n = chance.randrange(len(rooms))
        written.append(talkers[n % len(talkers)].chat(rooms[n], str(len(written))))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.storm", description=__doc__)
    parser.add_argument("--clients", type=int, default=Plan.clients)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rooms", type=int, default=1, help="that each client is in")
    parser.add_argument("--jitter", type=float, default=None, metavar="S", help="within which they come back")
    parser.add_argument("--join", action="store_true", help="they come back by `join`s")
    parser.add_argument("--base", metavar="COMMIT", help="also there, by `join`s: it knows no `resume`")
    given = parser.parse_args()
    seed = secrets.randbelow(1 << 31) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="homin-storm-"))
    print(f"seed {seed}, logs in {folder}", flush=True)
    jitter_s = given.jitter if given.jitter is not None else Plan.jitter_s if given.rooms == 1 else MANY_JITTER_S
    settle_s = SETTLE_S if given.rooms > 1 else 0.0
    plan = Plan(given.clients, seed, rooms=given.rooms, jitter_s=jitter_s, settle_s=settle_s, resume=not given.join)
    with ExitStack() as around:
        plans = [plan]
        if given.base is not None:
            plans.append(replace(plan, resume=False, root=around.enter_context(checkout(given.base))))
        outcomes = []
        for each in plans:
            print(f"\n{'this' if each.root == ROOT else given.base}, {'resume' if each.resume else 'join'}", flush=True)
            outcomes.append(_run(each, folder))
    if given.base is not None:
        times = [outcome.returned[-1] for outcome in outcomes]
        cpu = [sum(outcome.cpu.values()) for outcome in outcomes]
        print(f"\nof {given.base}: {times[0] / times[1]:.2f} of the time, {cpu[0] / cpu[1]:.2f} of the CPU")
    return 0 if all(outcome.is_whole for outcome in outcomes) else 1


def _run(plan: Plan, folder: Path) -> Outcome:
    with ExitStack() as servers:
        broker = rabbitmq.find(own=True)
        servers.callback(broker.close)
        database = postgres.find(own=True)
        servers.callback(database.close)
        outcome = uvloop.run(under_storm(plan, broker, database, Path(tempfile.mkdtemp(dir=folder))))
    print(outcome.table())
    lacking = "; ".join(outcome.behind[:10])
    print("all came back and lack nothing" if outcome.is_whole else f"NOT WHOLE: {lacking}", flush=True)
    return outcome


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServerMissing as why:
        sys.exit(str(why))
