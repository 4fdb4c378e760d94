"""Files as a deployment has them: the real service and the real router on one bus and one database, over real HTTP.

What a gateway does to them, `Gateway` does here: it has a mailbox, submits frames and reads what comes back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.files.service import FileService
from services.files.settings import Settings
from services.files.wiring import build
from services.router.settings import Settings as RouterSettings
from services.router.wiring import build as build_router
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import Bus
from shared.bus.settings import BusSettings
from shared.bus.topology import FILES, shard_queue
from shared.bus.wiring import open_bus
from shared.protocol.bus import Direct, Fanout, Submit
from shared.protocol.client import ClientFrame, File, History, Join, Leave
from shared.protocol.codec import decode, encode, pack
from shared.protocol.names import shard_of
from shared.protocol.server import User
from shared.runtime.database import migrate
from shared.runtime.service import Service, serve
from tests.unit.tokens.issuers import Issuer

OLENA = User(id="u-olena", name="Олена")
TARAS = User(id="u-taras", name="Тарас")
PATIENCE_S = 20
ISSUER = Issuer()


def token(user: User, **changed: Any) -> str:
    return ISSUER.token(sub=user.id, name=user.name, **changed)


class Gateway:
    """One gateway with one session for each user."""

    def __init__(self, bus: Bus, shards: int) -> None:
        self._bus, self._shards = bus, shards
        self.directs: asyncio.Queue[tuple[Direct, dict[str, Any]]] = asyncio.Queue()
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @property
    def address(self) -> str:
        return self._mailbox.address

    async def open(self) -> None:
        self._mailbox = await self._bus.mailbox("gateway.test")
        self._task = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def send(self, user: User, frame: ClientFrame, *more: ClientFrame) -> None:
        """Frames of one session, in one body."""
        room = getattr(frame, "room", "")
        queue = FILES if isinstance(frame, File) else shard_queue(shard_of(room, self._shards))
        parts = [
            pack(Submit(address=self._mailbox.address, session=f"s-{user.id}", user=user, frame=each))
            for each in (frame, *more)
        ]
        await self._bus.publish(queue, encode("gateway.test", parts))

    async def answer(self) -> dict[str, Any]:
        """The next frame for a session alone."""
        async with asyncio.timeout(PATIENCE_S):
            return (await self.directs.get())[1]

    async def settled(self) -> tuple[str, dict[str, Any]]:
        """The next answer to a `file` frame: its id, and the frame."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                direct, frame = await self.directs.get()
                if direct.answers is not None:
                    return direct.answers, frame

    async def join(self, user: User, room: str) -> None:
        await self.send(user, Join(type="join", room=room, ref="join"))
        assert (await self.answer())["type"] == "joined"

    async def leave(self, user: User, room: str) -> None:
        await self.send(user, Leave(type="leave", room=room, ref="leave"))
        assert (await self.answer())["type"] == "left"

    async def message(self) -> dict[str, Any]:
        """The next message that everyone in a room sees."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.messages.get()

    async def history(self, user: User, room: str) -> list[dict[str, Any]]:
        await self.send(user, History(type="history", room=room, ref="history"))
        found: list[dict[str, Any]] = (await self.answer())["messages"]
        return found

    async def _read(self) -> None:
        while True:
            for body in await self._mailbox.get():
                if not isinstance(body, bytes):
                    continue
                head, payload = decode(body)
                at = 0
                for message in head.messages:
                    for size in message.sizes if isinstance(message, Direct | Fanout) else ():
                        frame = json.loads(bytes(payload[at : at + size]))
                        at += size
                        if isinstance(message, Direct):
                            self.directs.put_nowait((message, frame))
                        elif frame["type"] == "message":
                            self.messages.put_nowait(frame)


class Deployment:
    """`bus` is the files' own connection; `folder` is where bytes lie."""

    def __init__(
        self, settings: Settings, broker: Broker, bus: Bus, service: FileService, gateway: Gateway, folder: Path
    ) -> None:
        self.settings, self.broker, self.bus, self.service = settings, broker, bus, service
        self.gateway, self.folder, self.address = gateway, folder, ""

    def client(self, user: User | None = OLENA, **changed: Any) -> httpx.AsyncClient:
        """A client that bears a token of `user`."""
        headers = {} if user is None else {"Authorization": f"Bearer {token(user, **changed)}"}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=PATIENCE_S, trust_env=False)

    def objects(self) -> list[Path]:
        """Everything that lies in the object store, unfinished parts included."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@asynccontextmanager
async def deployed(
    database_url: str,
    folder: Path,
    *,
    router: bool = True,
    broker: Broker | None = None,
    amqp_url: str | None = None,
    **changed: Any,
) -> AsyncIterator[Deployment]:
    """Started, listening on a free port. `router`: whether one runs. `amqp_url`: of RabbitMQ, instead of `broker`."""
    broker = broker or Broker()
    buses: list[Bus] = [MemoryBus(broker) for _ in range(3)]
    if amqp_url is not None:
        limits = BusSettings().amqp_limits()
        buses = [await open_bus(amqp_url, name, limits) for name in ("files", "router", "gateway")]
    bus = buses[0]
    common = {"database_url": database_url, "port": 0, "drain_s": 1.0, "instance": f"test-{uuid4().hex[:8]}"}
    settings = Settings.model_validate({**common, "objects_url": f"file:{folder}", **changed})
    service = build(settings, bus, fetch_keys=ISSUER.fetch)
    services: list[Service] = [service]
    if router:
        services.insert(0, build_router(RouterSettings.model_validate(common), buses[1]))
    gateway = Gateway(buses[2], settings.shards)
    deployment = Deployment(settings, broker, bus, service, gateway, folder)
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(services, settings, listening=listening.set_result))
    try:
        async with asyncio.timeout(PATIENCE_S):
            serving.add_done_callback(lambda _: listening.done() or listening.cancel())
            deployment.address = await listening
        await gateway.open()
        yield deployment
    finally:
        await gateway.close()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        for each in buses:
            await each.close()


async def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the kind that the test's parameter names, with the newest schema."""
    url = f"sqlite:///{tmp_path}/homin.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    await migrate(url)
    return str(url)


def form(content: bytes, name: str = "cat.png", *, id: str | None = None) -> dict[str, Any]:
    """An upload's arguments for httpx."""
    fields = {} if id is None else {"data": {"id": id}}
    return {**fields, "files": {"file": (name, content, "text/x-lie")}}


async def streamed(pieces: Iterable[bytes], name: str = "big.bin", boundary: str = "b0undary") -> AsyncIterator[bytes]:
    """A form whose file is never whole in memory."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    yield head.encode()
    for piece in pieces:
        yield piece
    yield f"\r\n--{boundary}--\r\n".encode()


def streamed_headers(boundary: str = "b0undary") -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}
