"""A connection to RabbitMQ that comes back by itself.

Every link (the publisher, each consumer, each mailbox) has a connection of its own and one loop: connect, set up,
run until lost, wait, again. So a blocked publisher never stops a consumer, and there is one way to come back, not two.
What it does not heal by (refusal.py) it tries again, too, once it has been up: the process has clients, and whoever
changes a password or moves the broker is still at it.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from random import uniform

import structlog
from aiormq.abc import AbstractChannel
from yarl import URL

from shared.bus.amqp.declaration import Declaration
from shared.bus.amqp.direct import Direct
from shared.bus.amqp.frames import Delivered
from shared.bus.amqp.line import Line
from shared.bus.amqp.ordinary import Ordinary
from shared.bus.amqp.refusal import lasting
from shared.bus.limits import AmqpLimits

log = structlog.get_logger("bus")
SET_UP_S = 30.0


class Link(ABC):
    """One connection that comes back by itself. Subclasses set their channel up and say what its loss means."""

    def __init__(self, url: str, limits: AmqpLimits, declaration: Declaration, name: str) -> None:
        self._url = URL(url).update_query(heartbeat=limits.heartbeat_s, name=name)
        self._limits, self._declaration, self._name = limits, declaration, name
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def up(self) -> bool:
        return self._line is not None

    @abstractmethod
    async def _set_up(self, channel: AbstractChannel, line: Line) -> None:
        """Consumes on a fresh channel."""

    def _delivered(self, delivered: Delivered) -> None:  # noqa: B027 (not every link consumes)
        """One delivery, in order. May come before `_set_up` has returned."""

    def _lost(self) -> None:  # noqa: B027 (not every link has something to let go)
        """The channel is gone; what it held is not ours any more."""

    async def open(self, whatever_happens: bool = True) -> None:
        """Returns once the link is up. Keeps trying until it is, or is closed; unless told to do so `whatever_happens`
        it raises `Unusable` where that is no use.
        """
        up = asyncio.Event()
        self._task = asyncio.create_task(self._run(up, whatever_happens), name=f"bus:{self._name}")
        up_waiter = asyncio.create_task(up.wait())
        await asyncio.wait([up_waiter, self._task], return_when=asyncio.FIRST_COMPLETED)
        up_waiter.cancel()
        if self._task.done():
            self._task.result()

    async def _run(self, up: asyncio.Event, whatever_happens: bool) -> None:
        pause = self._limits.reconnect_min_s
        while not self._stop.is_set():
            line: Line = Direct(self._delivered) if self._limits.direct else Ordinary(self._delivered)
            try:
                channel = await line.open(self._url)
                async with asyncio.timeout(SET_UP_S):
                    assert channel.connection is not None
                    await self._declaration.on(channel.connection)
                    await self._set_up(channel, line)
                self._line = line
                up.set()
                pause = self._limits.reconnect_min_s
                ending = [asyncio.create_task(self._stop.wait()), asyncio.create_task(line.ended())]
                await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
                for task in ending:
                    task.cancel()
            except asyncio.CancelledError:
                raise
            except Exception as why:
                unusable = lasting(why, line.closed_by, self._url)
                if unusable is None:
                    broker = f"{self._url.host}:{self._url.port or 5672}"
                    error = str(why) or type(why).__name__
                    log.warning("bus.link_failed", link=self._name, broker=broker, error=error)
                elif whatever_happens or up.is_set():
                    log.error("bus.unusable", link=self._name, why=str(unusable))
                else:
                    raise unusable from why
            finally:
                was_up, self._line = self.up, None
                if was_up:
                    self._lost()
                await line.close()
            if not self._stop.is_set():
                if was_up:
                    log.warning("bus.link_lost", link=self._name)
                await asyncio.sleep(uniform(pause / 2, pause))  # noqa: S311 (jitter is no secret)
                pause = min(pause * 2, self._limits.reconnect_max_s)

    async def close(self) -> None:
        self._stop.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=5)
            if not done:
                self._task.cancel()
