"""One server process in the foreground, known by its pid, ready when its log says so."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.servers.guard import guard


class DidNotStart(Exception):
    """The process ended, or was silent for too long, before it was ready. The message ends with its log."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now, all different, below those that outgoing connections take."""
    sockets: list[socket.socket] = []
    try:
        for port in _candidates():
            candidate = socket.socket()
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                candidate.close()
                continue
            sockets.append(candidate)
            if len(sockets) == count:
                break
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _candidates() -> Sequence[int]:
    # Two runs on one machine start at different places; a server that restarts finds its port still free, because the
    # kernel does not hand ports below 32768 to outgoing connections.
    first = 20_000 + int.from_bytes(os.urandom(2)) % 10_000
    return [*range(first, 32_000), *range(20_000, first)]


class ServerProcess:
    """Runs `command` in `folder`. `ready`: what its output says once it serves. `user`: whom it runs as.
    `farewell`: the signal that ends it in order; `crash`: the one that ends it at once."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        ready: str,
        environment: Mapping[str, str],
        user: str | None = None,
        farewell: signal.Signals = signal.SIGTERM,
        crash: signal.Signals = signal.SIGKILL,
    ) -> None:
        self._command, self._folder, self._ready, self._user = list(command), folder, ready, user
        self._environment, self._farewell, self._crash = dict(environment), farewell, crash
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._is_ready = threading.Event()
        self._said = threading.Event()
        self._log: deque[str] = deque(maxlen=60)

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    def start(self, timeout_s: float = 90) -> None:
        """Start, and return once it is ready; `DidNotStart` otherwise."""
        assert self._process is None, "the server runs already"
        self._is_ready.clear()
        self._said.clear()
        self._process = process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            start_new_session=True,  # Ctrl-C at the terminal reaches the tests, which then stop it in order
        )
        guard.entrust(process.pid, self._crash, self._folder)
        assert process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()
        self._said.wait(timeout_s)
        if not self._is_ready.is_set():
            self.kill()
            log = "\n".join(self._log)
            raise DidNotStart(f"{self._command[0]} was not ready within {timeout_s:.0f} s. Its last lines:\n{log}")

    def _read(self, output: IO[str]) -> None:
        """Read to the end of its life, so that it never waits for a full pipe."""
        with output:
            for line in output:
                self._log.append(line.rstrip())
                if self._ready in line and not self._is_ready.is_set():
                    self._is_ready.set()
                    self._said.set()
        self._said.set()

    def stop(self, timeout_s: float = 60) -> None:
        """End it in order; where it has not within `timeout_s`, by SIGKILL."""
        self._end(self._farewell, timeout_s)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(self._crash, 30)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        os.kill(self.pid, number)

    def _end(self, farewell: signal.Signals, timeout_s: float) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(farewell)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        guard.take_back(process.pid)
        self._process = None
        if self._reader is not None:
            self._reader.join(5)
