"""The life of a process: start, listen, drain, close, stop."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from shared.runtime import http
from shared.runtime.health import Readiness
from shared.runtime.listen import bind
from shared.runtime.service import raise_open_files_limit, serve
from shared.runtime.settings import HttpSettings
from tests.servers.process import free_ports

ROOT = Path(__file__).parents[3]


class Process:
    """The demo, as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.address = ""

    async def line(self) -> str:
        """What the process says next."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    async def lines(self) -> list[str]:
        """All that it says from here to its end."""
        assert self.process.stdout is not None
        return (await self.process.stdout.read()).decode().splitlines()


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    running: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str, port: int = 0) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("demo_process.py")),
            *arguments,
            cwd=ROOT,
            env={**os.environ, "HOMIN_PORT": str(port), "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        running.append(process)
        return Process(process)

    yield start
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def demo(start: Start) -> Process:
    """A process that listens."""
    process = await start()
    assert [await process.line(), await process.line()] == ["start first", "start second"]
    said, _, process.address = (await process.line()).partition(" ")
    assert said == "listening"
    return process


async def test_a_signal_drains_then_closes_then_stops_the_last_first(demo: Process) -> None:
    async with httpx.AsyncClient(base_url=demo.address) as client:
        slow = asyncio.create_task(client.get("/slow"))
        assert await demo.line() == "slow"
        demo.process.send_signal(signal.SIGTERM)
        assert [await demo.line(), await demo.line()] == ["drain second", "drain first"]
        # It still listens, and says that it should be left alone.
        assert (await client.get("/readyz")).status_code == 503
        assert (await slow).text == "answered while draining"
        await client.get("/release")
    # That the first service could not drain keeps nobody from stopping.
    assert await demo.lines() == ["stop second", "stop first"]
    assert await demo.process.wait() == 0


async def test_a_second_signal_ends_at_once(demo: Process) -> None:
    demo.process.send_signal(signal.SIGINT)
    assert [await demo.line(), await demo.line()] == ["drain second", "drain first"]
    demo.process.send_signal(signal.SIGINT)
    assert await demo.process.wait() == 128 + signal.SIGINT
    assert await demo.lines() == []


async def test_a_signal_ends_a_start_that_hangs(start: Start) -> None:
    process = await start("hang")
    assert await process.line() == "start first"
    process.process.send_signal(signal.SIGTERM)
    assert await process.process.wait() == 0
    assert await process.lines() == []


async def test_while_a_service_starts_connections_are_refused(start: Start) -> None:
    [port] = free_ports(1)
    process = await start("hang", port=port)
    assert await process.line() == "start first"
    with pytest.raises(ConnectionRefusedError):
        await _connect(f"http://127.0.0.1:{port}")


async def test_a_taken_port_is_told_before_anything_starts(demo: Process, start: Start) -> None:
    second = await start(port=int(demo.address.rpartition(":")[2]))
    out, err = await second.process.communicate()
    assert (out, second.process.returncode) == (b"", 1)
    assert b"Port" in err
    assert b"HOMIN_PORT" in err
    assert b"Traceback" not in err


async def test_wrong_settings_are_told_by_name_and_without_their_value(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMIN_BACKLOG", "s3cret")
    _, err = await (await start()).process.communicate()
    assert b"HOMIN_BACKLOG: Input should be a valid integer" in err
    assert b"s3cret" not in err
    assert b"Traceback" not in err


async def test_an_upgrade_is_handed_over_with_its_request(demo: Process) -> None:
    reader, writer = await _connect(demo.address)
    writer.write(b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert (await reader.read()).endswith(b"handed over")
    assert await demo.line() == "upgrade /ws app_state,config,server_state"
    writer.close()


class Quiet:
    """A service that does nothing."""

    name = "quiet"
    routes = ()
    websocket = None

    def __init__(self) -> None:
        self.checks: dict[str, Callable[[], str | None]] = {}
        self.stopped = False

    async def start(self) -> None:
        """As Service says."""

    async def drain(self) -> None:
        """As Service says."""

    async def stop(self) -> None:
        """As Service says."""
        self.stopped = True


@asynccontextmanager
async def _serving(service: Quiet) -> AsyncIterator[str]:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve([service], HttpSettings(port=0), listening=address.set_result))
    try:
        yield await address
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def test_a_request_head_that_never_ends_is_refused() -> None:
    async with _serving(Quiet()) as address:
        reader, writer = await _connect(address)
        # Just over: bytes after the answer would make the kernel reset the connection, and the answer could be lost.
        writer.write(b"GET / HTTP/1.1\r\nX: ".ljust(http.HEAD_BYTES + 1, b"a"))
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
        writer.close()


async def test_a_request_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_S", 0.05)
    async with _serving(Quiet()) as address:
        silent, writer = await _connect(address)
        assert await silent.read() == b""
        writer.close()
        slow, writer = await _connect(address)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\n")
        assert await slow.read() == b""
        writer.close()


async def test_a_second_request_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_S", 0.2)
    async with _serving(Quiet()) as address:
        reader, writer = await _connect(address)
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert (await reader.readuntil(b'{"status":"ok"}')).startswith(b"HTTP/1.1 200 ")
        writer.write(b"GET /healthz HTTP/1.1\r\n")
        assert await reader.read() == b""
        writer.close()


async def test_bytes_that_are_not_http_are_refused() -> None:
    async with _serving(Quiet()) as address:
        reader, writer = await _connect(address)
        writer.write(b"\x16\x03\x01\x02\x00 not http\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_a_cancelled_server_stops_its_services() -> None:
    service = Quiet()
    async with _serving(service) as address, httpx.AsyncClient(base_url=address) as client:
        assert (await client.get("/readyz")).json() == {"status": "ok", "troubles": {}}
    assert service.stopped


def test_a_bound_port_refuses_until_it_listens() -> None:
    with bind("127.0.0.1", 0) as sock, socket.socket() as client:
        assert client.connect_ex(sock.getsockname()) != 0


def test_a_process_may_open_as_many_files_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        raise_open_files_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_readiness_names_the_service_of_each_check() -> None:
    readiness = Readiness([("a", {"bus": lambda: None}), ("b", {"bus": lambda: "It is away."})])
    assert readiness.troubles() == {"b.bus": "It is away."}
