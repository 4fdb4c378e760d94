"""What goes wrong in a run: drawn at random from a seed, several things at a time, each logged with its time."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random

from tests.chaos.load import Crowd
from tests.chaos.memory import descendants, root
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ
from tests.system.cluster import Cluster, Process

Log = Callable[[str], None]
AT_ONCE = 4
PROCESSES = ("gateway", "router", "files")


class Busy(Exception):
    """Something else is being done to it."""


class Faults:
    """`pause_s`: how long a process is stopped (SIGSTOP). `heal` undoes whatever is still broken."""

    def __init__(
        self,
        cluster: Cluster,
        broker: RabbitMQ,
        database: Postgres,
        crowd: Crowd,
        seed: int,
        log: Log,
        pause_s: float = 20.0,
        gap_s: tuple[float, float] = (0.5, 4.0),
    ) -> None:
        self._cluster, self._broker, self._database, self._crowd = cluster, broker, database, crowd
        self._chance, self._log, self._pause_s, self._gap_s = Random(f"{seed}:faults"), log, pause_s, gap_s
        self._busy: set[str] = set()
        self._bag: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.done: dict[str, int] = {}
        """How often each fault came to an end."""
        self.kinds: dict[str, Callable[[], Awaitable[None]]] = {
            **{f"kill a {kind}": self._on(kind, self._kill) for kind in PROCESSES},
            **{f"pause a {kind}": self._on(kind, self._pause) for kind in PROCESSES},
            **{f"end a {kind}": self._on(kind, self._end) for kind in PROCESSES},
            "kill accounts": self._on("accounts", self._kill),
            "pause the broker": self._on_server("the broker", broker),
            "pause the database": self._on_server("the database", database),
            "restart the broker": self._restart_broker,
            "restart the database": self._restart_database,
            "close all AMQP connections": self._close_connections,
            "raise the memory alarm": self._alarm,
            "cut lines": self._cut,
            "leave lines half open": self._half_open,
            "let lines stand still": self._stand_still,
            "read slowly": self._slow,
        }

    async def run(self, until: float) -> None:
        """Until the monotonic time `until`; returns when all that was begun is undone. Every kind comes once before
        any comes twice."""
        while time.monotonic() < until:
            await asyncio.sleep(self._chance.uniform(*self._gap_s))
            if len(self._tasks) >= AT_ONCE:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            if not self._bag:
                self._bag = self._chance.sample(list(self.kinds), len(self.kinds))
            self._start(self._bag.pop())
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, name: str) -> None:
        async def happen() -> None:
            try:
                await self.kinds[name]()
                self.done[name] = self.done.get(name, 0) + 1
            except Busy:
                self._bag.insert(0, name)  # its turn comes again

        task = asyncio.get_running_loop().create_task(happen(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (why := task.exception()) is not None:
            self._log(f"{task.get_name()} failed: {type(why).__name__}: {why}")

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        if what in self._busy:
            raise Busy(what)
        self._busy.add(what)
        try:
            yield
        finally:
            self._busy.discard(what)

    # ── processes ──

    def _on(self, kind: str, act: Callable[[Process], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def on_one() -> None:
            process = self._chance.choice(self._cluster.of(kind))
            with self._alone(process.name):
                await act(process)

        return on_one

    async def _kill(self, process: Process) -> None:
        wait = self._chance.uniform(0, 5)
        self._log(f"SIGKILL {process.name}, started again after {wait:.1f} s")
        process.kill()
        if self._chance.random() < 0.5:  # as most deployments do: a new name for each life
            process.rename(f"{process.name}-{self._chance.getrandbits(24):06x}")
        await asyncio.sleep(wait)
        process.launch()

    async def _pause(self, process: Process) -> None:
        self._log(f"SIGSTOP {process.name} for {self._pause_s:.0f} s")
        process.pause()
        await asyncio.sleep(self._pause_s)
        self._log(f"SIGCONT {process.name}")
        process.resume()

    async def _end(self, process: Process) -> None:
        """As a deployment does."""
        self._log(f"SIGTERM {process.name}")
        process.terminate()
        try:
            status = await process.ended(40)
        except TimeoutError:
            self._log(f"{process.name} did not end within 40 s of SIGTERM: killed")
            process.kill()
        else:
            self._log(f"{process.name} ended with status {status}")
        process.launch()

    # ── servers ──

    def _on_server(self, what: str, server: RabbitMQ | Postgres) -> Callable[[], Awaitable[None]]:
        async def pause() -> None:
            """It and all its processes: every connection stays, and nothing is answered."""
            with self._alone(what):
                pids = descendants(root(server))
                self._log(f"SIGSTOP {what} for {self._pause_s:.0f} s")
                self._signal(pids, signal.SIGSTOP)
                try:
                    await asyncio.sleep(self._pause_s)
                finally:
                    self._signal(pids, signal.SIGCONT)
                    self._log(f"SIGCONT {what}")

        return pause

    @staticmethod
    def _signal(pids: list[int], number: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def _restart_broker(self) -> None:
        with self._alone("the broker"):
            crash = self._chance.random() < 0.5
            self._log(f"the broker {'crashes' if crash else 'stops'} and starts again")
            await asyncio.to_thread(self._broker.kill if crash else self._broker.stop)
            await asyncio.to_thread(self._broker.start)
            self._log("the broker runs")

    async def _restart_database(self) -> None:
        with self._alone("the database"):
            crash, wait = self._chance.random() < 0.5, self._chance.uniform(0, 4)
            self._log(f"the database {'crashes' if crash else 'stops'}, started again after {wait:.1f} s")
            await asyncio.to_thread(self._database.kill if crash else self._database.stop)
            await asyncio.sleep(wait)
            await asyncio.to_thread(self._database.start)
            self._log("the database runs")

    async def _close_connections(self) -> None:
        with self._alone("the broker"):
            self._log("the broker closes every connection")
            await asyncio.to_thread(self._broker.close_all_connections, "chaos")

    async def _alarm(self) -> None:
        with self._alone("the broker"):
            seconds = self._chance.uniform(3, 15)
            self._log(f"the memory alarm is raised for {seconds:.1f} s")
            await asyncio.to_thread(self._broker.set_memory_alarm, True)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self._broker.set_memory_alarm, False)
            self._log("the memory alarm is cleared")

    # ── clients ──

    async def _cut(self) -> None:
        people = self._crowd.some(self._chance)
        self._log(f"the lines of {', '.join(p.client.name for p in people)} are cut")
        for person in people:
            person.line.cut()

    async def _half_open(self) -> None:
        """Nothing passes any more, and no end is ever seen: both sides have to find out by themselves."""
        people, seconds = self._crowd.some(self._chance), self._pause_s * 1.5
        self._log(f"the lines of {', '.join(p.client.name for p in people)} are half open for {seconds:.0f} s")
        ends = [person.line.freeze() for person in people]
        await asyncio.sleep(seconds)
        for end in ends:
            end(False)

    async def _stand_still(self) -> None:
        people, seconds = self._crowd.some(self._chance), self._chance.uniform(1, self._pause_s)
        self._log(f"the lines of {', '.join(p.client.name for p in people)} stand still for {seconds:.1f} s")
        ends = [person.line.freeze() for person in people]
        await asyncio.sleep(seconds)
        for end in ends:
            end(True)

    async def _slow(self) -> None:
        people, seconds = self._crowd.some(self._chance), self._pause_s
        self._log(f"{', '.join(p.client.name for p in people)} read slowly for {seconds:.0f} s")
        for person in people:
            person.line.bytes_per_s = 500.0
            person.line.cut()  # so that the next connection has the small buffers of a slow reader
        await asyncio.sleep(seconds)
        for person in people:
            person.line.bytes_per_s = None

    # ── the end ──

    async def heal(self) -> list[str]:
        """Everything runs; gives the processes that had died by themselves."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        died = [process.name for process in self._cluster.processes.values() if not process.running]
        await self._cluster.restart_the_dead()
        await asyncio.gather(*(process.ready() for process in self._cluster.processes.values()))
        return died
