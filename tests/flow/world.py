"""One simulated run, all drawn from one seed: people talk, and change what was said, over whole gateways and routers
while things go wrong; then all is healed, and what they did, saw and hold in the end is held to the promises of
docs/protocol.md by the checker of tests/chaos."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic_core import from_json

from shared.bus.memory import Broker
from shared.client import Client, Disconnected, Entry, Message, Options, Refused, Unanswered, fixed
from shared.client.core.events import entry_of
from shared.protocol.errors import ErrorCode
from shared.protocol.room_names import is_private, own_room
from tests.acts import any_act, marks, perform, rooms_of_some, some_called, some_thread
from tests.chaos.checker import check
from tests.chaos.evidence import History
from tests.chaos.verdict import Breach, Finding, Verdict
from tests.flow.bus import Faults
from tests.flow.line import Line
from tests.flow.message_store import Tables
from tests.flow.processes import ISSUER, GatewayProcess, RouterProcess
from tests.recording import Record, record_state, recorded, stored, summed_up

TROUBLE_S = 3_600.0  # talk and faults end by themselves long before
PAUSES_S = (0.05, 2.0, 6.0)  # between what somebody does and what he does next, at most
SETTLED_S = 600.0  # how long, of simulated time, everything may take to come to rest
EMOJI = ("👍", "🎉")
USERS = [f"u-user-{n}" for n in range(1, 5)]
REFUSED = (
    ErrorCode.NO_SUCH_MESSAGE, ErrorCode.FORBIDDEN, ErrorCode.NO_SUCH_ROOM, ErrorCode.NOT_JOINED, ErrorCode.NO_SUCH_USER
)  # fmt: skip
"""Changes of what is deleted by now, or what one may not do, or not any more. That one is refused so for a reason is
the checker's to see."""
QUIET_S = 60.0  # after which presence must be right: longer than a silent gateway is waited for
TEN_YEARS_S = 315_360_000
_TOKENS: dict[str, str] = {}


class NotSettled(Exception):
    """Something was never answered, or somebody never caught up."""


def token_of(user: str) -> str:
    if user not in _TOKENS:
        _TOKENS[user] = ISSUER.token(sub=f"u-{user}", name=user, jti=f"t-{user}", exp=int(time.time()) + TEN_YEARS_S)
    return _TOKENS[user]


class World:
    """`records`: the history so far; `said`: the same in words, for whoever replays a seed."""

    def __init__(self, seed: int) -> None:
        random.seed(seed)  # what the services draw themselves
        self.chance = Random(seed)
        self.faults = Faults(Random(self.chance.random()))
        self.records: list[History] = []
        self.said: list[str] = []
        broker, tables = Broker(), Tables()
        gateways, routers = self.chance.randint(1, 3), self.chance.randint(1, 3)
        self.gateways = [GatewayProcess(broker, self.faults, f"gateway-{n}") for n in range(1, gateways + 1)]
        self.routers = [
            RouterProcess(broker, self.faults, tables, f"router-{n}", self._dies_between) for n in range(1, routers + 1)
        ]
        self.processes: list[GatewayProcess | RouterProcess] = [*self.gateways, *self.routers]
        self.rooms = ["r", "s"][: self.chance.randint(1, 2)]
        self.governs = self.chance.choice([0.0, 0.3, 0.6])
        """How much of what people do is about rooms of some, and who is in them."""
        self.calls = Random(f"{seed}:calls").choice([0.0, 0.4, 0.8])
        """How much of it is about threads, mentions and what is one's own of a room."""
        self.clients: list[Client] = []
        self._lines: dict[str, Line] = {}  # of each client, the newest
        self._tables = tables
        self._restarting: list[asyncio.Task[None]] = []
        self._writing: list[asyncio.Future[Any]] = []

    async def run(self) -> Verdict:
        """Raises `NotSettled`."""
        await asyncio.gather(*(process.start() for process in self.processes))
        users = [f"user-{self.chance.randint(1, 4)}" for _ in range(self.chance.randint(2, 5))]
        self.clients = [self._client(user, f"client-{n}") for n, user in enumerate(users)]
        async with asyncio.timeout(TROUBLE_S):
            await asyncio.gather(self._trouble(), *map(self._talk, self.clients, users))
        self.note("all is healed")
        self.faults.heal()
        await asyncio.gather(*self._restarting)
        try:
            async with asyncio.timeout(SETTLED_S):
                await self._settle()
        except TimeoutError:
            raise NotSettled(self._unsettled()) from None
        views = self._views()
        async with asyncio.timeout(SETTLED_S):
            await self._look()
        verdict = check(self.records)
        verdict.findings.extend(views)
        for client in self.clients:
            await client.stop()
        return verdict

    def note(self, what: str) -> None:
        self.said.append(f"{asyncio.get_running_loop().time():9.3f}  {what}")

    # ── people ──

    def _client(self, user: str, name: str, accept: bool | None = None) -> Client:
        chance = Random(self.chance.random())
        urls = [f"ws://{gateway.name}/ws" for gateway in self.gateways]
        chance.shuffle(urls)
        client = Client(
            urls,
            fixed(token_of(user)),
            name=name,
            options=Options(
                in_flight=chance.choice([1, 4]),
                keep=None,
                catch_up=chance.choice([0, 3, 1_000]),
                accept=chance.random() < 0.7 if accept is None else accept,
            ),
            dial=partial(self._dial, name),
            random=chance.random,
            new_id=lambda: UUID(int=chance.getrandbits(128)).hex,
        )
        recorded(client, self._recorder).start()
        return client

    def _recorder(self, record: Record) -> None:
        at, client, connection, kind, fields = record
        self.records.append({"at": at, "client": client, "connection": connection, "kind": kind, **fields})
        self.said.append(f"{at:9.3f}  {client} ({connection}) {kind} {fields}")

    async def _dial(self, name: str, url: str) -> Line:
        self._lines[name] = await self._gateway(url).dial(url)
        return self._lines[name]

    def _gateway(self, url: str) -> GatewayProcess:
        return next(g for g in self.gateways if g.name == urlsplit(url).hostname)

    def _here(self) -> list[Client]:
        """Those who have not gone for good."""
        return [client for client in self.clients if client.ended is None]

    async def _talk(self, client: Client, user: str) -> None:
        chance = Random(self.chance.random())
        rooms = [room for room in self.rooms if chance.random() < 0.8] or self.rooms[:1]
        for room in rooms:
            await asyncio.sleep(chance.random() * 3)
            client.join(room, chance.choice([0, None]))
        client.join(own_room(f"u-{user}"), chance.choice([0, 0, None]))
        for n in range(chance.randint(0, 14)):
            await asyncio.sleep(chance.random() * chance.choice(PAUSES_S))
            if chance.random() < self.governs:
                act = any_act(client, chance, USERS, rooms)
                self._writing.append(perform(client, act))
                continue
            here = [*(room for room in rooms if room in client.session.rooms), *rooms_of_some(client)]
            if not here:
                continue
            room = chance.choice(here)
            if self.calls and chance.random() < self.calls / 4:
                if room in client.session.rooms and (level := marks(client, chance, room)) is not None:
                    self._writing.append(level)
                continue
            seen = client.room(room).log.messages if room in client.session.rooms else []
            if seen and chance.random() < 0.5:
                self._writing.append(self._change(client, chance, seen[-8:], f"{client.name} {n}, edited"))
            else:
                reply_to = chance.choice(seen).seq if seen and chance.random() < 0.1 else None
                thread = some_thread(chance, seen[-8:]) if self._calls(chance) else None
                called = self._called(chance)
                text = f"{client.name} {n}"
                self._writing.append(client.chat(room, text, reply_to=reply_to, thread=thread, mentions=called))

    def _calls(self, chance: Random) -> bool:
        return self.calls > 0 and chance.random() < self.calls

    def _called(self, chance: Random) -> list[str]:
        return some_called(chance, USERS) if self._calls(chance) else []

    def _change(self, client: Client, chance: Random, seen: list[Message], text: str) -> asyncio.Future[Any]:
        """Of a message that it has seen: also what the server refuses, since it is deleted or somebody else's."""
        mine = [m for m in seen if m.sender_id == client.session.user_id] if self._calls(chance) else []
        if mine and chance.random() < 0.3:
            message = chance.choice(mine)
            return client.edit(message.room, message.seq, text, mentions=some_called(chance, USERS))
        message = chance.choice(seen)
        match chance.random():
            case x if x < 0.3:
                return client.edit(message.room, message.seq, text, mentions=self._called(chance))
            case x if x < 0.4:
                return client.delete(message.room, message.seq)
            case x if x < 0.85:
                return client.react(message.room, message.seq, chance.choice(EMOJI), chance.random() < 0.6)
            case _:
                return client.pin(message.room, message.seq, chance.random() < 0.6)

    # ── trouble ──

    async def _trouble(self) -> None:
        chance = Random(self.chance.random())
        kinds: list[Callable[[Random], Coroutine[Any, Any, None]]] = [
            self._cut_bus, self._cut_bus, self._cut_client, self._cut_client, self._half_open, self._kill_gateway,
            self._kill_router, self._end_gateway, self._end_router, self._pause_router, self._pause_router, self._quit,
        ]  # fmt: skip
        under_way = []
        for _ in range(chance.choice([0, 2, 4, 8, 12])):
            await asyncio.sleep(chance.random() * chance.choice([1, 5, 15]))
            under_way.append(asyncio.create_task(chance.choice(kinds)(Random(chance.random()))))
        await asyncio.gather(*under_way)

    async def _cut_bus(self, chance: Random) -> None:
        process = chance.choice(self.processes)
        if process.running:
            self.note(f"{process.name}'s connection to the broker is cut")
            await process.bus.cut()

    async def _cut_client(self, chance: Random) -> None:
        client = chance.choice(self.clients)
        self.note(f"{client.name} is cut")
        client.cut()

    async def _half_open(self, chance: Random) -> None:
        lines = [line for gateway in self.gateways for line in gateway.lines()]
        if lines:
            self.note("a connection is cut, and its gateway does not learn of it")
            chance.choice(lines).lose()

    async def _kill_gateway(self, chance: Random) -> None:
        await self._restart(chance, chance.choice(self.gateways), in_order=False)

    async def _end_gateway(self, chance: Random) -> None:
        await self._restart(chance, chance.choice(self.gateways), in_order=True)

    async def _kill_router(self, chance: Random) -> None:
        await self._restart(chance, chance.choice(self.routers), in_order=False)

    async def _end_router(self, chance: Random) -> None:
        await self._restart(chance, chance.choice(self.routers), in_order=True)

    async def _restart(self, chance: Random, process: GatewayProcess | RouterProcess, in_order: bool) -> None:
        if not process.running:
            return
        self.note(f"{process.name} is {'asked to end' if in_order else 'killed'}")
        await (process.end() if in_order else process.kill())
        await asyncio.sleep(chance.random() * chance.choice([1, 10, 30]))
        await process.start()
        self.note(f"{process.name} runs again")

    def _dies_between(self, router: RouterProcess) -> None:
        """A router has stored what somebody is to find in his own log, and is killed before it has said so there."""
        self.note(f"{router.name} dies between its commits")
        self._restarting.append(asyncio.create_task(self._restart(Random(self.chance.random()), router, False)))

    async def _pause_router(self, chance: Random) -> None:
        router = chance.choice(self.routers)
        if router.running:
            self.note(f"{router.name} stands still")
            await router.stand_still(chance.random() * chance.choice([1, 10, 30]))
            self.note(f"{router.name} goes on")

    async def _quit(self, chance: Random) -> None:
        """Somebody goes for good, perhaps without a word, perhaps together with his gateway."""
        client = chance.choice(self.clients)
        how = chance.choice(["in order", "without a word", "with his gateway"])
        self.note(f"{client.name} goes, {how}")
        line = self._lines.get(client.name)
        if how == "without a word" and line is not None:
            line.lose()
        elif how == "with his gateway" and line is not None:
            restart = asyncio.create_task(self._restart(chance, self._gateway(line.url), in_order=False))
            await client.stop()
            await restart
        await client.stop()

    # ── and its end ──

    async def _settle(self) -> None:
        """Everything written is answered, everyone has everything, and it has been quiet for a while."""
        for written in await asyncio.gather(*self._writing, return_exceptions=True):
            if isinstance(written, Refused) and written.code in REFUSED:
                continue
            if isinstance(written, BaseException) and not isinstance(written, Disconnected | Unanswered):
                raise written
        for client in self._here():
            await client.until(partial(self._is_whole, client))
        await asyncio.sleep(QUIET_S)

    @staticmethod
    def _is_whole(client: Client) -> bool:
        """A room may be forgotten meanwhile."""
        return all(room.joined and room.log.is_whole and room.log.start for room in client.session.rooms.values())

    def _unsettled(self) -> str:
        waiting = [f"{client.name}: {len(client.session.outbox)} unanswered" for client in self._here()]
        unjoined = [
            f"{client.name}: {room.name} {'not joined' if not room.joined else room.log.hole}"
            for client in self._here()
            for room in client.session.rooms.values()
            if not room.joined or room.log.hole
        ]
        return "; ".join(waiting + unjoined)

    def _views(self) -> list[Finding]:
        """Whom each member sees online is who is."""
        findings = []
        rooms = {room for client in self._here() for room in client.session.rooms}
        here = {room: {c.session.user_id for c in self._here() if c.session.is_joined(room)} for room in rooms}
        for client in self._here():
            for room in client.session.rooms.values():
                seen = set(room.online)
                for user in seen - here[room.name]:
                    findings.append(Finding(Breach.GHOST, f"{client.name} sees {user} in {room.name}, who is gone"))
                for user in here[room.name] - seen:
                    findings.append(Finding(Breach.UNSEEN, f"{client.name} does not see {user} in {room.name}"))
                if room.members != len(here[room.name]):
                    text = f"{client.name} sees {room.members} in {room.name}, not {len(here[room.name])}"
                    findings.append(Finding(Breach.UNSEEN, text))
        return findings

    async def _list(self) -> None:
        """What the list of rooms says to each user, also to who has gone."""
        for user in USERS:
            looker = self._client(user.removeprefix("u-"), "looker", accept=False)
            await looker.connected()
            for room in (await looker.rooms())["rooms"]:
                listed = {"kind": "summary", "user": user, **summed_up(room)}
                self.records.append({"at": 0.0, "client": "", "connection": 0, **listed})
            await looker.stop()
        self.records = [r for r in self.records if r["client"] != "looker"]

    async def _look(self) -> None:
        """What each client holds, and what is listed for each user; and an onlooker reads every public room from its
        beginning, and who is there. The others are read in the store."""
        for client in self._here():
            await client.rooms()
            record_state(client, self._recorder)
        await self._list()
        onlooker = self._client("onlooker", "onlooker")
        await onlooker.connected()
        common = {"at": 0.0, "client": "", "connection": 0}
        for room in self.rooms:
            joined = await onlooker.join(room, 0)
            online = [user["id"] for user in joined["online"] if user["id"] != "u-onlooker"]
            await onlooker.caught_up(room, joined["seq"])
            log: list[Entry] = []
            more = True
            while more:
                page = await onlooker.history(room, after=log[-1].seq if log else 0, limit=200)
                log, more = log + page.entries, page.more
            self.records = [r for r in self.records if r["client"] != "onlooker"]
            self.records.append({**common, "kind": "present", "room": room, "online": online})
            self.records.extend({**common, **stored(entry)} for entry in log)
        for room, row in self._tables.rooms.items():
            if is_private(room):
                self.records.extend({**common, **stored(entry_of(from_json(entry.frame)))} for entry in row.entries)
                people = {user: member.role or "member" for user, member in row.members.items()}
                stands = {**row.rules._asdict(), "people": people}
                for user, role in people.items():
                    told = {"room": room, "seq": row.seq, "user": user, "stands": {**stands, "role": role}}
                    self.records.append({**common, "kind": "stands", **told})
        await onlooker.stop()
        self.records = [r for r in self.records if r["client"] != "onlooker"]
