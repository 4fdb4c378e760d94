"""The stack under test: what can be done to it, and what it says about itself."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from testcontainers.compose import DockerCompose

from tests.servers.process import free_ports

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "homin-test"
# Every sign that an address gives a meaning to: a password may have any.
PASSWORD = "te%st:p@ss/w#rd?&="
PATIENCE_S = 90.0


class CommandFailed(AssertionError):
    """A command of Docker or of ours; the message is what it printed."""


class ShardConsumer(NamedTuple):
    """`router`: its instance's name. The one that is `active` owns the shard."""

    queue: str
    router: str
    active: bool


class Stack:
    """The Compose project of the tests, on free ports. `environment`: of every command that concerns it."""

    def __init__(self, **changed: str) -> None:
        web, broker, prometheus = free_ports(3)
        self.url = f"http://127.0.0.1:{web}"
        self.ws = f"ws://127.0.0.1:{web}/ws"
        self.management = f"http://127.0.0.1:{broker}"
        self.prometheus = f"http://127.0.0.1:{prometheus}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HOMIN_", "COMPOSE_"))},
            "HOMIN_BUILD_CA": os.environ.get("HOMIN_BUILD_CA", ""),
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_FILE": "docker-compose.yml",
            # The file of settings that an operator keeps in the checkout is not for the tests.
            "COMPOSE_ENV_FILES": os.devnull,
            "HOMIN_VERSION": "test",
            "PORT": str(web),
            "BROKER_PAGE_PORT": str(broker),
            "PROMETHEUS_PORT": str(prometheus),
            "DOMAIN": "",
            "DATABASE_PASSWORD": PASSWORD,
            "BROKER_PASSWORD": PASSWORD,
            "HOMIN_GATEWAY_DRAIN_S": "3",
            **changed,
        }

    def up(self) -> None:
        """Builds the images and starts everything, through testcontainers; returns once all is healthy."""
        os.environ.update(self.environment)
        self._compose = DockerCompose(ROOT, build=True, wait=True)
        self.down()
        self._compose.start()

    def down(self) -> None:
        """Removes the containers and all data."""
        # Compose removes the volumes only of what is switched on.
        os.environ["COMPOSE_PROFILES"] = "observability"
        self._compose.stop()
        del os.environ["COMPOSE_PROFILES"]

    async def run(self, *command: str, input: bytes | None = None, fails: bool = False) -> str:
        """Runs a command; its output, both streams. `CommandFailed` unless it ends well (badly, where it `fails`)."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE if input is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = (await process.communicate(input))[0].decode(errors="replace")
        if (process.returncode != 0) != fails:
            raise CommandFailed(f"{' '.join(command)} gave {process.returncode}:\n{output[-3000:]}")
        return output

    async def compose(self, *arguments: str, fails: bool = False) -> str:
        return await self.run("docker", "compose", *arguments, fails=fails)

    async def containers(self, service: str) -> list[str]:
        """The names of the service's running containers."""
        listed = await self.compose("ps", "--format", "{{.Name}}", service)
        return sorted(listed.split())

    async def kill(self, container: str) -> None:
        """As a crash: no signal that it could answer to."""
        await self.run("docker", "kill", container)

    async def start(self, container: str) -> None:
        """Starts it again; returns once it says that it may be given work."""
        await self.run("docker", "start", container)
        await self.healthy(container)

    async def restart(self, container: str) -> None:
        """In order: SIGTERM, and all the time that the Compose file gives it."""
        await self.run("docker", "restart", "--time", "60", container)
        await self.healthy(container)

    async def healthy(self, container: str) -> None:
        async def is_healthy() -> bool:
            state = await self.run("docker", "inspect", "--format", "{{.State.Health.Status}}", container)
            return state.strip() == "healthy"

        await eventually(is_healthy, f"{container} is healthy")

    async def scale(self, *, gateways: int, routers: int) -> None:
        await self.run("make", "scale", f"GATEWAYS={gateways}", f"ROUTERS={routers}")

    async def numbers(self, container: str) -> dict[str, float]:
        """What a process of ours shows at /metrics, by name with labels."""
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/metrics').read().decode())"
        lines = (await self.run("docker", "exec", container, "python", "-c", ask)).splitlines()
        pairs = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in pairs}

    async def connections(self) -> dict[str, int]:
        """Open WebSocket connections, by gateway."""
        gateways = await self.containers("gateway")
        found = await asyncio.gather(*(self.numbers(gateway) for gateway in gateways))
        return {g: int(n["homin_gateway_connections"]) for g, n in zip(gateways, found, strict=True)}

    async def shard_consumers(self) -> list[ShardConsumer]:
        """Who takes from the shards' queues, as the broker's management API shows it."""
        async with self.http(self.management) as http:
            http.auth = httpx.BasicAuth("homin", PASSWORD)
            consumers = (await http.get("/api/consumers")).json()
            connections = (await http.get("/api/connections")).json()
        names = {each["name"]: each.get("user_provided_name", "") for each in connections}
        return [
            ShardConsumer(
                each["queue"]["name"],
                names.get(each["channel_details"]["connection_name"], "").partition(":")[0],
                each["active"],
            )
            for each in consumers
            if each["queue"]["name"].startswith("frames.")
        ]

    def http(self, base: str | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=base or self.url, timeout=30, trust_env=False)

    async def guest(self, name: str) -> str:
        """A new guest's token."""
        async with self.http() as http:
            answer = await http.post("/api/accounts/guest", json={"name": name})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def config(self, *arguments: str) -> dict[str, Any]:
        """The Compose file as Compose understands it."""
        found: dict[str, Any] = json.loads(await self.compose(*arguments, "config", "--format", "json"))
        return found


async def eventually(
    holds: Callable[[], Awaitable[object]], what: str, patience_s: float = PATIENCE_S, pause_s: float = 0.3
) -> None:
    """Waits until it holds; fails where it does not within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not await holds():
        assert time.monotonic() < deadline, f"it did not come to be that {what}"
        await asyncio.sleep(pause_s)
