"""Homin as a deployment runs it: each service a process of its own, any number of each, over RabbitMQ and PostgreSQL.

async with Cluster(amqp_url, database_url, folder) as cluster:
    cluster["gateway-1"].kill()
    await cluster["gateway-1"].start()
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from services.accounts.settings import Settings as AccountsSettings
from services.accounts.tokens import make_tokens
from shared.client import Client, Options, fixed
from tests.recording import Recorder, recorded
from tests.servers.guard import guard
from tests.servers.process import free_ports

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
TOKENS_S = 3_600


class DidNotStart(Exception):
    """A process ended, or was not ready in time. The message ends with its log."""


class Process:
    """`python -m services.<kind>`, restarted on the same port. Its log, of all its lives, is the file `log`. `root`:
    the checkout that it is started from."""

    def __init__(
        self, kind: str, number: int, port: int, folder: Path, environment: Mapping[str, str], root: Path = ROOT
    ) -> None:
        self.name, self.kind, self.port = f"{kind}-{number}", kind, port
        self.log = folder / f"{self.name}.log"
        self._folder, self._root = folder, root
        self._environment = {**environment, "HOMIN_PORT": str(port), "HOMIN_INSTANCE": self.name}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def rename(self, instance: str) -> None:
        """Its HOMIN_INSTANCE from the next start on; by default it keeps its name over all its lives."""
        self._environment["HOMIN_INSTANCE"] = instance

    def launch(self) -> None:
        """Starts it, and does not wait."""
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [python_of(self._root), "-m", f"services.{self.kind}"],
                cwd=self._root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal reaches the tests, which then end it
            )
        guard.entrust(self._process.pid, signal.SIGKILL, self._folder)

    async def ready(self, patience_s: float = PATIENCE_S) -> None:
        """Waits for its /readyz to say so. Raises `DidNotStart`."""
        deadline = time.monotonic() + patience_s
        said = "nothing"
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=2) as http:
            while self.running and time.monotonic() < deadline:
                try:
                    answer = await http.get("/readyz")
                    if answer.status_code == 200:
                        return
                    said = answer.text
                except httpx.HTTPError as why:
                    said = str(why) or type(why).__name__
                await asyncio.sleep(0.05)
        state = "was not ready in time" if self.running else f"ended ({self._process and self._process.poll()})"
        raise DidNotStart(f"{self.name} {state}; /readyz: {said}\n{self.tail()}")

    async def start(self, patience_s: float = PATIENCE_S) -> None:
        """Starts it; returns once it is ready. Raises `DidNotStart`."""
        self.launch()
        await self.ready(patience_s)

    def kill(self) -> None:
        """Ends it as a crash would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def terminate(self) -> None:
        """Asks it to end in order (SIGTERM), and does not wait."""
        os.kill(self.pid, signal.SIGTERM)

    async def ended(self, patience_s: float = PATIENCE_S) -> int:
        """Waits for its end; its status. TimeoutError where it does not come."""
        deadline = time.monotonic() + patience_s
        while self.running:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} does not end\n{self.tail()}")
            await asyncio.sleep(0.02)
        return self._reap()

    async def stop(self) -> None:
        """Ends it in order."""
        if self.running:
            self.terminate()
            await self.ended()

    def pause(self) -> None:
        """Keeps it from running (SIGSTOP): its connections stay, and nothing happens on them."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it run again (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    async def metric(self, name: str) -> float:
        """The sum of this counter or gauge over its labels; 0 where it has none yet."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=5) as http:
            text = (await http.get("/metrics")).text
        samples = (line.rpartition(" ") for line in text.splitlines())
        return sum(float(value) for sample, _, value in samples if sample.partition("{")[0] == name)

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _reap(self) -> int:
        assert self._process is not None
        status = self._process.wait()
        guard.take_back(self._process.pid)
        return status


def python_of(root: Path) -> str:
    """The Python of a checkout; of another one than this it lies in its own environment."""
    return sys.executable if root == ROOT else str(root / ".venv" / "bin" / "python")


class Cluster:
    """`folder`: logs and files. `settings`: of every process, by their names (`HOMIN_…`). `root`: another checkout."""

    def __init__(
        self,
        amqp_url: str,
        database_url: str,
        folder: Path,
        *,
        gateways: int = 2,
        routers: int = 2,
        accounts: int = 1,
        files: int = 0,
        settings: Mapping[str, str] | None = None,
        root: Path = ROOT,
    ) -> None:
        wanted = {"accounts": accounts, "router": routers, "gateway": gateways, "files": files}
        kinds = [(kind, number) for kind, count in wanted.items() for number in range(1, count + 1)]
        ports = free_ports(len(kinds))
        self.database_url = database_url
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOMIN_")},
            "PYTHONUNBUFFERED": "1",
            "HOMIN_AMQP_URL": amqp_url,
            "HOMIN_DATABASE_URL": database_url,
            "HOMIN_OBJECTS_URL": f"file:{folder}/files",
            "HOMIN_VAR": str(folder),
            "HOMIN_JWKS_URL": f"http://127.0.0.1:{ports[0]}/api/accounts/jwks.json",
            **(settings or {}),
        }
        self.processes = {
            process.name: process
            for process in (
                Process(kind, number, port, folder, environment, root)
                for (kind, number), port in zip(kinds, ports, strict=True)
            )
        }

    def __getitem__(self, name: str) -> Process:
        return self.processes[name]

    def of(self, kind: str) -> list[Process]:
        """The processes of one kind, by number."""
        return [process for process in self.processes.values() if process.kind == kind]

    async def start(self) -> None:
        """All at once, as after a power cut; returns when all are ready. Raises `DidNotStart`."""
        try:
            for process in self.processes.values():
                process.launch()
            await asyncio.gather(*(process.ready() for process in self.processes.values()))
        except BaseException:
            self.kill()
            raise

    async def restart_the_dead(self) -> None:
        """Starts whatever does not run."""
        await asyncio.gather(*(p.start() for p in self.processes.values() if not p.running))

    def kill(self) -> None:
        """Ends all at once. What is paused, too."""
        for process in self.processes.values():
            process.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    async def tokens(self, names: Sequence[str]) -> list[str]:
        """A token for each of these new guests."""
        settings = AccountsSettings.model_validate({"database_url": self.database_url})
        return list(await make_tokens(settings, names, TOKENS_S, int(time.time())))

    async def clients(
        self,
        names: Sequence[str],
        urls: Sequence[Sequence[str]] | None = None,
        recorder: Recorder | None = None,
        **options: Any,
    ) -> list[Client]:
        """A client for each name, welcomed. `urls`: where each connects; by default the gateways in turn, and on to
        the next when one is lost."""
        gateways = [process.ws for process in self.of("gateway")]
        turns = [gateways[n % len(gateways) :] + gateways[: n % len(gateways)] for n in range(len(names))]
        clients = [
            recorded(Client(where, fixed(token), name=name, options=Options(**options)), recorder)
            for name, token, where in zip(names, await self.tokens(names), urls or turns, strict=True)
        ]
        for client in clients:
            client.start()
        await asyncio.gather(*(client.connected() for client in clients))
        return clients


async def eventually(holds: Callable[[], Awaitable[bool]], patience_s: float = PATIENCE_S) -> None:
    """Asks until it holds; fails where it does not within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not await holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        await asyncio.sleep(0.05)
