"""How each peer is started, and as what the load generator meets it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peers.servers import AMQP, HERE, REDIS, pids_of

NODE = "node"
PATIENCE_S = 20.0
SETTLE_S = 1.0


@dataclass(frozen=True)
class Peer:
    """`nodes`: processes, each on a port of its own. `protocol`: the generator's. `server`: a process by this name is
    accounted as well."""

    title: str
    protocol: str
    script: str
    nodes: int
    arguments: tuple[str, ...] = ()
    server: str | None = None

    @contextmanager
    def running(self) -> Iterator[list[str]]:
        """Starts it; gives the generator's arguments that name it."""
        program = NODE if self.script.endswith(".js") else sys.executable
        with ExitStack() as started:
            ports, processes = [free_port() for _ in range(self.nodes)], []
            for port in ports:
                command = [program, str(HERE / self.script), str(port), *self.arguments]
                process = subprocess.Popen(command, cwd=HERE, env=os.environ, stdout=subprocess.DEVNULL)
                processes.append(process)
                started.callback(end, process)
            for port, process in zip(ports, processes, strict=True):
                await_listener(port, process)
            time.sleep(SETTLE_S)  # its nodes meet one another over the server
            pids = [process.pid for process in processes] + (pids_of(self.server) if self.server else [])
            addresses = ",".join(f"ws://127.0.0.1:{port}" for port in ports)
            yield ["--protocol", self.protocol, "--url", addresses, "--pids", ",".join(map(str, pids))]


PEERS = {
    "seed": Peer("first design (Node `ws`, in memory)", "first", "first_design.js", 1),
    "socketio": Peer(
        "Socket.IO + Redis ×2", "socketio", "socketio_redis.js", 2, (f"redis://127.0.0.1:{REDIS}",), "redis-server"
    ),
    "psocketio": Peer(
        "python-socketio + RabbitMQ ×2", "socketio", "socketio_amqp.py", 2,
        (f"amqp://guest:guest@127.0.0.1:{AMQP}/",), "beam.smp",
    ),
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_listener(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}; why stands above.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r}: nothing listens on port {port} after {PATIENCE_S:g} s.")


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def path_of_package(name: str) -> Path:
    return HERE / "node_modules" / name / "package.json"
