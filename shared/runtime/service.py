"""What a service is to the process that runs it, and the process itself: start, listen, drain, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import structlog
import uvicorn
import uvloop
from pydantic import ValidationError
from starlette.routing import BaseRoute

from shared.runtime.app import application
from shared.runtime.health import Check, Readiness
from shared.runtime.http import BoundedHttpProtocol
from shared.runtime.listen import CannotStart as CannotStart
from shared.runtime.listen import address_of, bind
from shared.runtime.secret_files import SecretUnreadable
from shared.runtime.settings import HttpSettings

log = structlog.stdlib.get_logger("homin.runtime")


KEEP_ALIVE_S = 130
"""For idle connections: longer than proxies keep theirs (nginx 60 s, Caddy 120 s), lest one close as it is used."""
COLLECT = 20_000, 20, 20
"""When the garbage collector looks (gc.set_threshold): objects that more are alive than last time. A batch of frames is
thousands, all alive and free of cycles; at CPython's 700 a router spent an eighth of its time in looking at them."""


class Service(Protocol):
    """What a service's `wiring.build(settings, bus)` gives. One process may run several."""

    @property
    def name(self) -> str:
        """One word, for the log and `/readyz`."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Its HTTP, with full paths such as `/api/accounts/guest`."""

    @property
    def websocket(self) -> Callable[..., asyncio.Protocol] | None:
        """Takes over a connection that asks for an upgrade. Called with `config`, `server_state` and `app_state`."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """Readiness by name: None when fine, else a sentence."""

    async def start(self) -> None:
        """Gets ready for work; the process listens once all its services have started."""

    async def drain(self) -> None:
        """Sends clients elsewhere and finishes what is under way; the process still listens."""

    async def stop(self) -> None:
        """Gives everything back; called only after a `start` that ended well, with the server closed."""


class Server(uvicorn.Server):
    """uvicorn's server, with our own signals and an event for the moment when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # `serve` drains the services before the server closes, so the signals are its own.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


async def serve(
    services: Sequence[Service],
    settings: HttpSettings,
    *,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Runs `services` on one port until SIGTERM or SIGINT; `listening` is told the address.

    Until all of them have started, for as long as their broker cannot be reached, connections are refused: at a refusal
    every balancer tries another process within the same request, while an answer 503 many pass on.

    At the signal: `/readyz` turns 503, `drain` of each, the server closes, `stop` of each, the last one first.
    A second signal ends the process at once. CannotStart where the port is taken; what a `start` raises, it raises.
    """
    raise_open_files_limit()
    told_to_stop = asyncio.Event()
    sock = bind(settings.host, settings.port)
    readiness = Readiness([(service.name, service.checks) for service in services])
    routes = [route for service in services for route in service.routes]
    websocket = next((service.websocket for service in services if service.websocket is not None), None)
    server = Server(_config(application(routes, readiness), websocket, settings))
    started: list[Service] = []
    serving: asyncio.Task[None] | None = None
    with _signals(told_to_stop), sock:
        try:
            if await _unless(told_to_stop, _start(services, started)):
                return
            gc.collect()
            gc.freeze()  # What lives from here to the end need not be looked at by every collection.
            gc.set_threshold(*COLLECT)
            serving = asyncio.create_task(server.serve([sock]))
            if await _unless(told_to_stop, server.listening.wait(), serving):
                return
            address = address_of(sock)
            log.info("listening", address=address, services=[service.name for service in services])
            if listening is not None:
                listening(address)
            await _first(told_to_stop.wait(), serving)
            readiness.draining = True
            log.info("draining", seconds=settings.drain_s)
            for service in reversed(started):
                await _drain(service, settings.drain_s)
        finally:
            if serving is not None:
                server.should_exit = True
                await asyncio.gather(serving, return_exceptions=True)
            for service in reversed(started):
                await _stop(service)
    log.info("stopped")


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs `main` on uvloop, the process's whole life; what keeps it from starting is told in a sentence (status 1)."""
    try:
        uvloop.run(_awaited(main))
    except (CannotStart, SecretUnreadable) as reason:
        raise SystemExit(f"homin: {reason}") from None
    except ValidationError as wrong:
        # `input` is left out: it may be a password in a database's address.
        lines = [f"  {'_'.join(['homin', *map(str, e['loc'])]).upper()}: {e['msg']}" for e in wrong.errors()]
        raise SystemExit("\n".join(["homin: these settings cannot be used:", *lines])) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def raise_open_files_limit() -> None:
    """Lets the process open as many files, hence connections, as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses an unlimited number
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _config(app: Any, websocket: Callable[..., asyncio.Protocol] | None, settings: HttpSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws="none" if websocket is None else websocket,  # type: ignore[arg-type]
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        backlog=settings.backlog,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )


@contextlib.contextmanager
def _signals(told_to_stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if told_to_stop.is_set():
            os._exit(128 + number)
        told_to_stop.set()

    numbers = (signal.SIGTERM, signal.SIGINT)
    try:
        for number in numbers:
            loop.add_signal_handler(number, on_signal, number)
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _awaited(main: Callable[[], Awaitable[None]]) -> None:
    await main()


async def _start(services: Sequence[Service], started: list[Service]) -> None:
    for service in services:
        await service.start()
        started.append(service)


async def _first(what: Awaitable[Any], *others: asyncio.Task[Any]) -> None:
    """Waits until `what` or one of `others` has ended; ends `what` if it has not. Raises what the ended ones raised."""
    task = asyncio.ensure_future(what)
    try:
        done, _ = await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
        for ended in done:
            ended.result()
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _unless(told_to_stop: asyncio.Event, what: Awaitable[Any], *others: asyncio.Task[Any]) -> bool:
    """Waits for `what`, unless told to stop meanwhile. True if told to."""
    stopping = asyncio.create_task(told_to_stop.wait())
    try:
        await _first(what, stopping, *others)
        return told_to_stop.is_set()
    finally:
        stopping.cancel()


async def _drain(service: Service, seconds: float) -> None:
    try:
        # The service keeps to the time by itself; this is for one that does not.
        async with asyncio.timeout(seconds + 5):
            await service.drain()
    except Exception:
        log.exception("draining failed", service=service.name)


async def _stop(service: Service) -> None:
    try:
        await service.stop()
    except Exception:
        log.exception("stopping failed", service=service.name)
