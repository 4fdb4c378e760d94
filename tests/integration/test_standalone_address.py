"""One process on any one address of the machine: people sign in, talk and share files there, wherever it listens."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from shared.client import Client, fixed
from tests.servers.process import free_ports

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


@asynccontextmanager
async def listening(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[str]:
    """A standalone process with its data in `folder`; gives the address that its log names. Ended at the end."""
    (folder / "index.html").write_text("<!doctype html><title>Homin</title>")
    settings = {
        "HOMIN_VAR": str(folder / "var"), "HOMIN_WEB": str(folder), "HOMIN_PORT": str(free_ports(1)[0]),
        "HOMIN_GATEWAY_DRAIN_S": "0.1", "HOMIN_LOG_FORMAT": "json",
    }  # fmt: skip
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.standalone",
        cwd=ROOT,
        env={**os.environ, **settings, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert started.stderr is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for line in started.stderr:
                said.append(line.decode())
                if b'"listening"' in line:
                    break
        found = re.search(r'"address": "([^"]+)"', said[-1]) if said else None
        assert found is not None, "".join(said)
        rest = asyncio.create_task(started.stderr.read())
        yield found[1]
        started.terminate()
        await rest
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def ready(http: httpx.AsyncClient) -> None:
    """Asks until the process says that it may be given work; fails with what it says instead."""
    troubles: object = None
    try:
        async with asyncio.timeout(20):
            while (answer := await http.get("/readyz")).status_code != 200:
                troubles = answer.json()["troubles"]
    except TimeoutError:
        pytest.fail(f"it is not ready: {troubles}")


async def use(address: str) -> None:
    """What people do: sign in, say something, send a file and fetch it."""
    async with (
        httpx.AsyncClient(base_url=address, timeout=PATIENCE_S, trust_env=False) as http,
        asyncio.timeout(PATIENCE_S),
    ):
        await ready(http)
        nowhere = await http.get("/api/nowhere")  # the page's files answer for what no service has
        assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
        signed_in = await http.post("/api/accounts/guest", json={"name": "olena"}, headers={"Origin": address})
        assert signed_in.status_code == 201, signed_in.text
        token = signed_in.json()["token"]
        async with Client([f"{address.replace('http', 'ws', 1)}/ws"], fixed(token)) as client:
            await client.join("room")
            said = await client.chat("room", "Добрий день")
            assert said.seq == 1
            bearer = {"Authorization": f"Bearer {token}"}
            sent = await http.post("/api/files?room=room", headers=bearer, files={"file": ("a.txt", b"words")})
            assert sent.status_code == 201, sent.text
            fetched = await http.get(sent.json()["file"]["url"], headers=bearer)
            assert (fetched.status_code, fetched.content) == (200, b"words")
            # As a page's picture does: by the cookie that the sign-in set, which belongs to this host.
            by_cookie = await http.get(sent.json()["file"]["url"])
            assert (by_cookie.status_code, by_cookie.content) == (200, b"words")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("127.0.0.2", "http://127.0.0.2:"),
        ("::1", "http://[::1]:"),
        ("0.0.0.0", "http://127.0.0.1:"),
        ("::", "http://[::1]:"),
        ("localhost", "http://"),
    ],
)
async def test_one_process_works_on_whatever_address_it_listens(tmp_path: Path, host: str, shown: str) -> None:
    async with listening(tmp_path, {"HOMIN_HOST": host}) as address:
        assert address.startswith(shown)
        await use(address)


async def test_one_process_works_on_a_port_that_the_system_chose(tmp_path: Path) -> None:
    async with listening(tmp_path, {"HOMIN_PORT": "0"}) as address:
        await use(address)
