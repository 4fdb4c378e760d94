"""A server in Docker, through testcontainers, where an engine answers and the image can be had."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from tests.servers.process import free_ports

PULL_S = 180
READY_S = 90
RYUK_PULL_S = 30


class NoContainer(Exception):
    """No engine answers, or the image cannot be had. The message is the reason."""


@cache
def engine() -> docker.DockerClient | str:
    """The Docker engine, or the reason why there is none. Asked once in a run."""
    with warnings.catch_warnings():
        # The client that fails to connect forgets to close its sockets; collected here, that is nobody's warning.
        warnings.simplefilter("ignore", ResourceWarning)
        client = _connect()
        gc.collect()
    if client is None:
        return "no Docker engine answers"
    if not _obtain(client, testcontainers_config.ryuk_image, RYUK_PULL_S):
        # Ryuk removes what a killed run leaves. Without it the containers are removed by us alone.
        os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
        testcontainers_config.ryuk_disabled = True
    return client


def _connect() -> docker.DockerClient | None:
    try:
        client = DockerClient(timeout=5).client
        client.ping()
    except (DockerException, OSError):
        return None
    return client


def obtain(image: str) -> None:
    """Have `image` in the engine, pulling it within `PULL_S`; `NoContainer` otherwise."""
    client = engine()
    if isinstance(client, str):
        raise NoContainer(client)
    if not _obtain(client, image, PULL_S):
        raise NoContainer(f"Docker answers, but the image {image} is not there and could not be pulled in {PULL_S} s")


def _obtain(client: docker.DockerClient, image: str, timeout_s: float) -> bool:
    try:
        client.images.get(image)
        return True
    except ImageNotFound:
        pass
    pulled: list[bool] = []

    def pull() -> None:
        try:
            DockerClient(timeout=PULL_S).client.images.pull(image)
            pulled.append(True)
        except (DockerException, OSError):
            return

    puller = threading.Thread(target=pull, daemon=True)
    puller.start()
    puller.join(timeout_s)
    return bool(pulled)


class Container:
    """One container whose ports stay the same over stop and start. `ready`: what its log says once it serves."""

    def __init__(
        self, image: str, ports: list[int], ready: str, environment: Mapping[str, str], command: list[str] | None = None
    ) -> None:
        obtain(image)
        self._ready = ready
        self._is_made = False
        self._container = DockerContainer(image, command=command, env=dict(environment))  # type: ignore[arg-type]
        self.ports = dict(zip(ports, free_ports(len(ports)), strict=True))
        for inner, outer in self.ports.items():
            # Loopback only; testcontainers' annotation knows numbers, the engine's client takes pairs as well.
            self._container.ports[str(inner)] = ("127.0.0.1", outer)  # type: ignore[assignment]

    def start(self) -> None:
        if self._is_made:
            self._container.get_wrapped_container().start()
            self._wait_for_its_word()
            return
        try:
            self._container.start()
            self._wait_for_its_word()
        except BaseException as why:
            # Whoever asked for it has nothing yet that could be closed.
            self.remove()
            if isinstance(why, DockerException):
                raise NoContainer(f"Docker answers, but cannot start {self._container.image}: {why}") from why
            raise
        self._is_made = True

    def _wait_for_its_word(self) -> None:
        """Read the log from this start on, for it keeps that of earlier ones; `NoContainer` where it never comes."""
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        # By the engine's own clock, which need not be ours; nanoseconds are more than Python reads.
        started = datetime.fromisoformat(wrapped.attrs["State"]["StartedAt"][:26].rstrip("Z") + "+00:00")
        deadline = time.monotonic() + READY_S
        # Asked again and again: the engine's client cannot follow a log without leaving its socket open.
        while self._ready not in (seen := wrapped.logs(since=started.timestamp()).decode(errors="replace")):
            wrapped.reload()
            if wrapped.status != "running" or time.monotonic() > deadline:
                raise NoContainer(f"a container of {wrapped.image} was not ready in {READY_S} s: {seen[-400:]}")
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        """Its first process, as this machine sees it."""
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return int(wrapped.attrs["State"]["Pid"])

    def stop(self) -> None:
        self._container.get_wrapped_container().stop(timeout=30)

    def kill(self) -> None:
        self._if_running(lambda: self._container.get_wrapped_container().kill())

    def run(self, *command: str) -> str:
        """Run a command inside; its output. RuntimeError where it fails."""
        answer = self._container.exec(list(command))
        output = answer.output.decode(errors="replace")
        if answer.exit_code != 0:
            raise RuntimeError(f"{' '.join(command)} gave {answer.exit_code}: {output}")
        return output

    def remove(self) -> None:
        self._container.stop()

    def _if_running(self, act: Callable[[], None]) -> None:
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        if wrapped.status == "running":
            act()
