"""Chromium for tests: found, and opened through Playwright.

Docker's turn comes after the machine's own browser here, unless its image is there already: it has two gigabytes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import DockerException

from tests.servers import apt
from tests.servers.containers import Container, NoContainer, engine
from tests.servers.missing import ServerMissing

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PORT = 3000
HINT = "apt-get install chromium  (or .venv/bin/playwright install chromium, or HOMIN_TEST_CHROMIUM=/path/to/it)"


@dataclass
class Chromium:
    """A browser that can be opened: `executable` on this machine, or a Playwright server at `endpoint` (ws://…)."""

    executable: str | None = None
    endpoint: str | None = None
    container: Container | None = None

    async def launch(self, playwright: Playwright, *, headless: bool = True) -> Browser:
        """A new browser; the caller closes it. Pages on 127.0.0.1 of this machine are within its reach."""
        if self.endpoint:
            return await playwright.chromium.connect(self.endpoint, expose_network="<loopback>")
        # Chromium's sandbox refuses to run as root, and has no namespaces in most containers.
        sandbox = os.geteuid() != 0 and not Path("/.dockerenv").exists()
        return await playwright.chromium.launch(
            executable_path=self.executable,
            headless=headless,
            chromium_sandbox=sandbox,
            # Containers give /dev/shm 64 MB, which a page with pictures outgrows.
            args=["--disable-dev-shm-usage"],
        )

    @cached_property
    def version(self) -> str:
        """As the browser itself tells it; empty for one that is elsewhere."""
        return _answer(self.executable) if self.executable else ""

    def close(self) -> None:
        if self.container:
            self.container.remove()


def _answer(program: str | None) -> str:
    """What `program --version` says; empty where it does not run (Ubuntu has a stub that only asks for a snap)."""
    if not program:
        return ""
    try:
        command = [program, "--version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _local() -> str | None:
    on_path = [found for name in NAMES if (found := shutil.which(name))]
    fetched = sorted(Path.home().glob(".cache/ms-playwright/chromium-*/chrome-linux*/chrome"), reverse=True)
    return next((program for program in [*on_path, *map(str, fetched)] if _answer(program)), None)


def _image() -> str:
    """Client and server of Playwright must be of one version; its images are tagged with three numbers, ending in 0."""
    major, minor, *_ = version("playwright").split(".")
    return f"mcr.microsoft.com/playwright:v{major}.{minor}.0-noble"


def _image_is_there() -> bool:
    client = engine()
    if isinstance(client, str):
        return False
    with suppress(DockerException):
        client.images.get(_image())
        return True
    return False


def _in_container() -> Chromium:
    major, minor, *_ = version("playwright").split(".")
    serve = f"npx -y playwright@{major}.{minor}.0 run-server --port {PORT} --host 0.0.0.0"
    container = Container(_image(), [PORT], "Listening on", {}, ["/bin/sh", "-c", serve])
    container.start()
    return Chromium(endpoint=f"ws://127.0.0.1:{container.ports[PORT]}/", container=container)


def find() -> Chromium:
    """A Chromium that runs, or `ServerMissing`."""
    given = os.environ.get("HOMIN_TEST_CHROMIUM")
    if given:
        if given.startswith(("ws://", "wss://")):
            return Chromium(endpoint=given)
        if _answer(given):
            return Chromium(executable=given)
        raise ServerMissing("Chromium", [f"HOMIN_TEST_CHROMIUM={given} does not run"], HINT)
    tried = ["HOMIN_TEST_CHROMIUM is not set"]
    if _image_is_there():
        return _in_container()
    if program := _local():
        return Chromium(executable=program)
    tried.append(f"none of {', '.join(NAMES)} is on PATH and runs")
    try:
        return _in_container()
    except (NoContainer, TimeoutError) as why:
        tried.append(str(why))
    try:
        apt.install("chromium")
    except apt.CannotInstall as why:
        tried.append(str(why))
    if program := _local():
        return Chromium(executable=program)
    raise ServerMissing("Chromium", tried, HINT)
