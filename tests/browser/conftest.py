"""An installation to look at: the one at HOMIN_TEST_URL, else a standalone process of our own with the built page."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.servers.chromium import Chromium

ROOT = Path(__file__).resolve().parents[2]
START_S = 30.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of an installation that is there already, only those tests are asked that look at it as it is."""
    if not os.environ.get("HOMIN_TEST_URL"):
        return
    others = [item for item in items if item.path.is_relative_to(Path(__file__).parent) and not _looks_at_it(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def _looks_at_it(item: pytest.Item) -> bool:
    fixtures = item.fixturenames if isinstance(item, pytest.Function) else []
    return "site" in fixtures and "soon_silent" not in fixtures


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[str]:
    """The address of an installation, without a slash at its end."""
    given = os.environ.get("HOMIN_TEST_URL")
    if given:
        yield given.rstrip("/")
        return
    async with standalone(tmp_path, free_port()) as address:
        yield address


@asynccontextmanager
async def standalone(folder: Path, port: int) -> AsyncIterator[str]:
    """A standalone process with the built page and its data in `folder`/var; its address."""
    if not (ROOT / "web/dist/index.html").is_file():
        pytest.fail("The page is not built: `make test` builds it, or `cd web && npm ci && npm run build`.")
    environment = {**os.environ, "HOMIN_PORT": str(port), "HOMIN_VAR": str(folder / "var")}
    environment |= {"HOMIN_WEB": str(ROOT / "web/dist"), "HOMIN_GATEWAY_DRAIN_S": "1", "HOMIN_LOG_FORMAT": "json"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.standalone", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stderr is not None
    lines: list[str] = []
    draining: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(START_S):
            address = await _address(process.stderr, lines)
        draining = asyncio.create_task(_drain(process.stderr, lines))
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if draining is not None:
            await draining
        with (folder / "standalone.log").open("a") as log:
            log.writelines(lines)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def _address(stream: asyncio.StreamReader, lines: list[str]) -> str:
    while line := (await stream.readline()).decode():
        lines.append(line)
        if "listening" in line and (found := re.search(r"http://[\w.:\[\]]+", line)):
            return found[0]
    raise AssertionError("the standalone process ended before it listened:\n" + "".join(lines))


async def _drain(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := (await stream.readline()).decode():
        lines.append(line)


@pytest.fixture
async def browser(chromium: Chromium) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await chromium.launch(playwright)
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where the run leaves what it saw."""
    folder = ROOT / "tests/screenshots"
    folder.mkdir(exist_ok=True)
    return folder
