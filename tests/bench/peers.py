"""The servers that the peers run on: RabbitMQ on 127.0.0.1:5672 and Redis on 6379, started where nothing listens."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.bench.yardstick import set_up
from tests.servers import apt, rabbitmq

AMQP, REDIS = 5672, 6379


@contextmanager
def peers() -> Iterator[dict[str, str]]:
    """Everything the peers need, and the servers' versions. Ends what it has started, and nothing else."""
    with ExitStack() as started:
        redis_is_ours = not listens(REDIS)
        set_up()
        if redis_is_ours:
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
    """compare.py bills python-socketio for every RabbitMQ on the machine, so there must be only the one."""
    pids = subprocess.run(["pidof", "beam.smp"], stdout=subprocess.PIPE, text=True).stdout.split()
    if len(pids) > 1:
        raise SystemExit(f"More than one RabbitMQ runs here (pids {', '.join(pids)}): end the others first.")


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
