"""A server that tests start, stop and kill, and the three ways in which there is one: given, in a container, local."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NoReturn

from tests.servers.containers import Container
from tests.servers.process import ServerProcess


class Server(ABC):
    """A running server. `url`: its address."""

    url: str

    @property
    def pids(self) -> list[int]:
        """Its processes that are not this process's own descendants, for who accounts them."""
        return []

    @abstractmethod
    def start(self) -> None:
        """Start it, on the same ports with the same data; returns once it serves."""

    @abstractmethod
    def stop(self) -> None:
        """End it in order; open sessions are closed."""

    @abstractmethod
    def kill(self) -> None:
        """End it as a crash would; what it has confirmed survives (given fsync, of the machine's crash as well)."""

    def restart(self) -> None:
        self.stop()
        self.start()

    @abstractmethod
    def close(self) -> None:
        """End it and remove its data."""


class Given(Server):
    """A server that somebody else runs, who named it in the environment variable `variable`; it is never stopped."""

    variable: str

    def _not_ours(self) -> NoReturn:
        raise RuntimeError(f"{self.variable} is somebody else's server; a test that disturbs one takes an own_ fixture")

    def start(self) -> None:
        self._not_ours()

    def stop(self) -> None:
        self._not_ours()

    def kill(self) -> None:
        self._not_ours()

    def close(self) -> None:
        """Nothing of it is ours."""


class InContainer(Server):
    """A server in a container of our own."""

    _container: Container

    @property
    def pids(self) -> list[int]:
        return [self._container.pid]

    def start(self) -> None:
        self._container.start()

    def stop(self) -> None:
        self._container.stop()

    def kill(self) -> None:
        self._container.kill()

    def close(self) -> None:
        self._container.remove()


class Local(Server):
    """A program of this machine; its data lie in the temporary folder `_folder`."""

    _server: ServerProcess
    _folder: Path

    @property
    def process(self) -> ServerProcess:
        """The server itself, for signals and measurements."""
        return self._server

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        self._server.kill()

    def close(self) -> None:
        # Its data go with it, so there is nothing to end in order.
        self._server.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
