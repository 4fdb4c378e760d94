"""The servers that the peers run on: RabbitMQ on 127.0.0.1:5672 and Redis on 6379, started where nothing listens."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.servers import apt, rabbitmq

AMQP, REDIS = 5672, 6379
HERE = Path(__file__).resolve().parent


@contextmanager
def peers() -> Iterator[dict[str, str]]:
    """Everything the peers need, and the servers' versions. Ends what it has started, and nothing else."""
    with ExitStack() as started:
        install_packages()
        if not listens(REDIS):
            start_redis()
            started.callback(end_redis)
        if not listens(AMQP):
            if not rabbitmq.is_local():
                apt.install("rabbitmq-server")
            if not listens(AMQP):  # Debian's package may start its own
                started.callback(rabbitmq.LocalRabbitMQ(AMQP).close)
        refuse_a_crowd()
        yield {"Redis": redis_says("redis_version"), "RabbitMQ of the peers": amqp_version()}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def refuse_a_crowd() -> None:
    """python-socketio is billed for every RabbitMQ on the machine, so there must be only the one."""
    pids = pids_of("beam.smp")
    if len(pids) > 1:
        raise SystemExit(f"More than one RabbitMQ runs here (pids {pids}): end the others first.")


def pids_of(program: str) -> list[int]:
    """The processes of this name."""
    found = subprocess.run(["pidof", program], stdout=subprocess.PIPE, text=True).stdout.split()
    return [int(pid) for pid in found]


def install_packages() -> None:
    """The Node peers' packages, from the lock file beside them."""
    stamp, lock = HERE / "node_modules" / ".homin-peers", HERE / "package-lock.json"
    if not stamp.is_file() or stamp.read_text() != lock.read_text():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(command, cwd=HERE, stdin=subprocess.DEVNULL).returncode:
            raise SystemExit("npm could not install the peers; why stands above.")
        stamp.write_text(lock.read_text())


def start_redis() -> None:
    """One that keeps nothing on the disk. Returns when it listens."""
    if shutil.which("redis-server") is None:
        apt.install("redis-server")
    command = ["redis-server", "--daemonize", "yes", "--bind", "127.0.0.1", "--port", str(REDIS), "--save", ""]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit("redis-server does not start; why stands above.")
    until = time.monotonic() + 10
    while not listens(REDIS):
        if time.monotonic() > until:
            raise SystemExit("redis-server does not listen after 10 s.")
        time.sleep(0.05)


def redis_says(field: str) -> str:
    """One field of INFO server."""
    with socket.create_connection(("127.0.0.1", REDIS), 5) as line:
        line.sendall(b"INFO server\r\n")
        said = b""
        while not said.endswith(b"\r\n") or said.count(b"\r\n") < 10:
            said += line.recv(65_536)
    found = re.search(rf"^{field}:(\S+)", said.decode(), re.MULTILINE)
    assert found is not None, f"Redis says nothing of {field}"
    return found[1]


def end_redis() -> None:
    os.kill(int(redis_says("process_id")), signal.SIGTERM)


def amqp_version() -> str:
    """What the broker calls itself when a connection starts (AMQP 0-9-1, connection.start)."""
    with socket.create_connection(("127.0.0.1", AMQP), 5) as line:
        line.sendall(b"AMQP\x00\x00\x09\x01")
        said = b""
        while b"\x07versionS" not in said:
            said += line.recv(65_536)
        while len(rest := said.partition(b"\x07versionS")[2]) < 4 + int.from_bytes(rest[:4] or b"\xff"):
            said += line.recv(65_536)
    return rest[4 : 4 + int.from_bytes(rest[:4])].decode()
