"""One run: people talk while things go wrong; then all is healed, and their histories are held to the promises."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit, urlunsplit

from pydantic_core import from_json, to_json

from shared.client.core.events import entry_of
from shared.client.core.standing import standing_of
from shared.protocol.room_names import is_private, own_room
from tests.chaos.checker import check
from tests.chaos.evidence import History
from tests.chaos.faults import Faults
from tests.chaos.load import Crowd
from tests.chaos.onlooker import NoAnswer, Onlooker
from tests.chaos.verdict import Verdict
from tests.recording import standing, stored, summed_up
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ
from tests.system.cluster import Cluster

LOOK_S = 1.0


@dataclass(frozen=True)
class Plan:
    """`seconds`: of talk and faults. `rate`: messages and changes a second, all together. `quiet_s`: how long it may
    take until all is quiet afterwards. `episode_s`: after so long all is healed and has to become quiet in between,
    since the next broken part may hide what the last one left behind. `pause_s`: how long a process is stopped.
    `settings`: of every process."""

    seconds: float = 120.0
    seed: int = 0
    users: int = 24
    rooms: int = 8
    rate: float = 25.0
    gateways: int = 3
    routers: int = 2
    quiet_s: float = 90.0
    pause_s: float = 20.0
    episode_s: float = 60.0
    settings: dict[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """`died`: processes that ended by themselves. `behind`: who was not quiet in time, and why."""

    verdict: Verdict
    folder: Path
    died: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    quiet_after_s: float = 0.0

    @property
    def is_clean(self) -> bool:
        return self.verdict.is_clean and not self.died and not self.behind


class Diary:
    """What happened when, in seconds from the start; printed, and kept in the folder."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "faults.log").open("w")
        self._started = time.monotonic()

    def __call__(self, text: str) -> None:
        line = f"{time.monotonic() - self._started:7.1f} s  {text}"
        print(line, flush=True)
        print(line, file=self._file, flush=True)

    def close(self) -> None:
        self._file.close()


async def under_faults(plan: Plan, broker: RabbitMQ, database: Postgres, folder: Path) -> Result:
    """A run on a system of its own, with everything that can go wrong. `broker` and `database` will be restarted."""
    settings = {
        # Half-open connections and silent gateways are to be noticed within a run, again and again.
        "HOMIN_SERVER_PING_S": "5", "HOMIN_GATEWAY_SEND_BYTES": str(128 << 10), "HOMIN_GATEWAY_DRAIN_S": "3",
        "HOMIN_LOG_FORMAT": "json", **plan.settings,
    }  # fmt: skip
    amqp_url, database_url = broker.make_vhost(), database.make_database()
    cluster = Cluster(
        amqp_url, database_url, folder, gateways=plan.gateways, routers=plan.routers, files=1, settings=settings
    )
    async with cluster, _diary(folder) as diary:
        *tokens, watching = await cluster.tokens([f"user-{n}" for n in range(plan.users + 1)])
        urls = [gateway.ws for gateway in cluster.of("gateway")]
        async with _crowd(plan, tokens, urls, folder) as crowd, Onlooker(urls[0], watching) as onlooker:
            diary(f"{len(crowd.people)} clients of {plan.users} users are in {plan.rooms} rooms")
            faults = Faults(cluster, broker, database, crowd, plan.seed, diary, plan.pause_s)
            chance, died, unquiet = Random(f"{plan.seed}:part"), list[str](), list[str]()
            deadline = time.monotonic() + plan.seconds
            while True:
                await _talk(crowd, plan.rate, faults.run(min(deadline, time.monotonic() + plan.episode_s)))
                died += await faults.heal()
                behind, took = await _calm(plan, crowd, onlooker, chance, diary)
                if time.monotonic() > deadline - plan.episode_s / 4:
                    break
                unquiet += behind
                async with asyncio.timeout(60):
                    await crowd.come_back()
            verdict = await _judge(crowd, onlooker, diary)
            return Result(verdict, folder, died, unquiet + behind, faults.done, took)


async def at_installation(plan: Plan, urls: Sequence[str], tokens: Sequence[str], folder: Path) -> Result:
    """A run at an installation that somebody else looks after, without faults. `tokens`: one for each user, and one
    for the onlooker."""
    async with (
        _diary(folder) as diary,
        _crowd(plan, tokens[:-1], urls, folder) as crowd,
        Onlooker(urls[0], tokens[-1]) as onlooker,
    ):
        diary(f"{len(crowd.people)} clients of {len(tokens) - 1} users are in {plan.rooms} rooms")
        await _talk(crowd, plan.rate, asyncio.sleep(plan.seconds))
        behind, took = await _calm(plan, crowd, onlooker, Random(f"{plan.seed}:part"), diary)
        return Result(await _judge(crowd, onlooker, diary), folder, behind=behind, quiet_after_s=took)


@asynccontextmanager
async def _diary(folder: Path) -> AsyncIterator[Diary]:
    diary = Diary(folder)
    try:
        yield diary
    finally:
        diary.close()


@asynccontextmanager
async def _crowd(plan: Plan, tokens: Sequence[str], urls: Sequence[str], folder: Path) -> AsyncIterator[Crowd]:
    histories = folder / "histories"
    histories.mkdir()
    # New rooms each time, so that an installation can be asked twice.
    rooms = [f"chaos-{plan.seed}-{time.time_ns() // 1_000_000}-{n}" for n in range(plan.rooms)]
    crowd = Crowd(tokens, urls, rooms, plan.seed, histories)
    try:
        async with asyncio.timeout(60):
            await crowd.start()
        yield crowd
    finally:
        await crowd.stop()


async def _talk(crowd: Crowd, rate: float, meanwhile: Awaitable[None]) -> None:
    """They talk for as long as `meanwhile` takes."""
    talking = asyncio.create_task(crowd.talk(rate))
    try:
        await meanwhile
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
    if not talking.cancelled() and (why := talking.exception()) is not None:
        raise why


async def _calm(plan: Plan, crowd: Crowd, onlooker: Onlooker, chance: Random, diary: Diary) -> tuple[list[str], float]:
    """Some go, the others fall silent. Gives who was not quiet in time, and how long it took."""
    await crowd.part(chance)
    diary("all is healed; a quarter of the clients is gone, the others fall silent")
    started = time.monotonic()
    async with _insiders(crowd, onlooker.url) as insiders:
        behind = await _quiet(crowd, onlooker, insiders, started + plan.quiet_s)
    took = time.monotonic() - started
    diary(f"quiet after {took:.1f} s" if not behind else f"not quiet after {took:.0f} s: {'; '.join(behind[:5])}")
    mistaken = crowd.mistaken({onlooker.user})
    diary(f"{len(mistaken)} views of who is there are out of date{': ' if mistaken else ''}{'; '.join(mistaken[:5])}")
    return behind, took


async def _judge(crowd: Crowd, onlooker: Onlooker, diary: Diary) -> Verdict:
    """Takes down what the system says, and checks."""
    crowd.record_states()
    with (crowd.out / "system.jsonl").open("wb") as out:
        async with _insiders(crowd, onlooker.url) as insiders:
            async for record in truth(crowd.rooms, onlooker, insiders):
                out.write(to_json({"at": time.monotonic(), "client": "", "connection": 0, **record}) + b"\n")
    diary("checking")
    return check(histories(crowd.out))


async def _quiet(crowd: Crowd, onlooker: Onlooker, insiders: Sequence[Onlooker], deadline: float) -> list[str]:
    """Looks until everyone has all, and all are shown as they are; gives what is not so at the deadline."""
    while True:
        behind = []
        try:
            joined = {room: await onlooker.join(room) for room in crowd.rooms}
            of_some = [await insider.rooms() for insider in insiders]
            newest = {room: seq for rooms in of_some for room, seq in rooms.items()}
            behind = crowd.behind(newest | {room: frame["seq"] for room, frame in joined.items()})
            for room, frame in joined.items():
                shown = {user["id"] for user in frame["online"]} - {onlooker.user}
                if shown != crowd.online(room):
                    behind.append(f"{room} shows {len(shown)} online, and {len(crowd.online(room))} are")
        except NoAnswer as why:
            behind.append(str(why))
        if not behind or time.monotonic() > deadline:
            return behind
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _insiders(crowd: Crowd, url: str) -> AsyncIterator[list[Onlooker]]:
    """One for each user, who sees what that user may."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Onlooker(url, token)) for token in crowd.tokens]


async def truth(rooms: Sequence[str], onlooker: Onlooker, insiders: Sequence[Onlooker] = ()) -> AsyncIterator[History]:
    """What the system says of these rooms, and of those that only `insiders` may see."""
    async for record in _public(rooms, onlooker):
        yield record
    read: set[str] = set()
    for insider in insiders:
        listed = await insider.listed()
        for summary in listed:
            yield {"kind": "summary", "user": insider.user, **summed_up(summary)}
        some = {summary["room"] for summary in listed if is_private(summary["room"])}
        for room in sorted(some | {own_room(insider.user)}):
            joined = await insider.join(room)
            stands = standing(standing_of(joined, insider.user))
            yield {"kind": "stands", "room": room, "seq": joined["seq"], "user": insider.user, "stands": stands}
            for frame in await insider.history(room) if room not in read else ():
                yield stored(entry_of(frame))
            read.add(room)


async def _public(rooms: Sequence[str], onlooker: Onlooker) -> AsyncIterator[History]:
    for room in rooms:
        for frame in await onlooker.history(room):
            yield stored(entry_of(frame))
        joined = await onlooker.join(room)
        online = [user["id"] for user in joined["online"] if user["id"] != onlooker.user]
        yield {"kind": "present", "room": room, "online": online}


def histories(folder: Path) -> Iterator[History]:
    """The records of a run, client by client."""
    for file in sorted(folder.glob("*.jsonl")):
        with file.open("rb") as lines:
            for line in lines:
                yield from_json(line)


def ws_urls(given: str) -> list[str]:
    """Addresses, with commas, of gateways or of whatever stands before them; `/ws` where no path is said."""
    found = []
    for url in given.split(","):
        parts = urlsplit(url.strip())
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        found.append(urlunsplit(parts._replace(scheme=scheme, path=parts.path.rstrip("/") or "/ws")))
    return found
