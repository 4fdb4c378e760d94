"""The file service: its mailbox, its work, its upkeep, its addresses, its state of health."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from starlette.routing import BaseRoute

from services.files.http import Files as Http
from services.files.mail import Mail
from services.files.sql import SqlFileStore
from services.files.upkeep import Upkeep
from services.files.work import FrameWork
from shared.bus.port import Bus, Consumer, Mailbox
from shared.bus.topology import FILES
from shared.runtime.health import Check
from shared.tokens.verifier import Verifier

log = structlog.stdlib.get_logger("homin.files")
RESTART_S = 1.0
DRAIN_S = 10.0


class FileService:
    """`prepare` brings the database to its schema; `dispose` gives its connections back."""

    name = "files"
    websocket: Callable[..., asyncio.Protocol] | None = None

    def __init__(
        self,
        bus: Bus,
        instance: str,
        http: Http,
        mail: Mail,
        upkeep: Upkeep,
        new_work: Callable[[Consumer], FrameWork],
        verifier: Verifier,
        store: SqlFileStore,
        *,
        prefetch: int,
        prepare: Callable[[], Awaitable[None]],
        dispose: Callable[[], Awaitable[None]],
    ) -> None:
        self._bus, self._instance, self._http, self._mail, self._upkeep = bus, instance, http, mail, upkeep
        self._new_work, self._verifier, self._store, self._prefetch = new_work, verifier, store, prefetch
        self._prepare, self._dispose = prepare, dispose
        self._mailbox: Mailbox | None = None
        self._work: FrameWork | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def address(self) -> str:
        """Of this process's mailbox, as long as the service runs."""
        assert self._mailbox is not None
        return self._mailbox.address

    @property
    def routes(self) -> Sequence[BaseRoute]:
        return self._http.routes

    @property
    def checks(self) -> Mapping[str, Check]:
        return {
            "bus": lambda: None if self._bus.connected else "The broker cannot be reached.",
            "store": lambda: self._store.down,
            "tokens": self._verifier.check,
        }

    async def start(self) -> None:
        await self._prepare()
        await self._verifier.start()
        self._mailbox = await self._bus.mailbox(f"files.{self._instance}")
        taking = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._mail.run(self._mailbox), name="files:mail"),
            asyncio.create_task(self._keep_working(taking), name="files:work"),
            asyncio.create_task(self._upkeep.run(), name="files:upkeep"),
        ]
        await taking.wait()

    async def drain(self) -> None:
        async with asyncio.timeout(DRAIN_S):
            if self._work is not None:
                await self._work.drain()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._mailbox is not None:
            await self._mailbox.close()
        await self._verifier.stop()
        await self._dispose()

    async def _keep_working(self, taking: asyncio.Event) -> None:
        """Takes `file` frames; after a failure anew, with a new consumer, to which they come again."""
        while True:
            consumer = await self._bus.consume([FILES], self._instance, self._prefetch)
            self._work = self._new_work(consumer)
            taking.set()
            try:
                await self._work.run()
            except Exception:
                log.exception("the work on file frames failed; it starts anew")
            finally:
                await consumer.close()
            await asyncio.sleep(RESTART_S)
