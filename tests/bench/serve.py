"""`make bench-serve`: Homin as it is measured. Real RabbitMQ and PostgreSQL (durable), two gateways, one router,
accounts, each a process, with production settings but for the rate limit.

Prints one line of JSON: `urls` of the gateways, `pids` of every process to account (broker and database too),
`tokens`, a file with one token a line; and what only this project's own curves want: `parts`, the same processes by
name, the address of the `database`, and the `versions` of the servers. Stops when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import asyncpg

from services.accounts.settings import Settings as AccountsSettings
from services.accounts.tokens import make_tokens
from tests.servers import postgres, rabbitmq
from tests.servers.missing import ServerMissing
from tests.servers.postgres import LocalPostgres, Postgres
from tests.servers.rabbitmq import LocalRabbitMQ, RabbitMQ
from tests.system.cluster import Cluster

TOKENS_S = 86_400


async def serve(gateways: int, routers: int, users: int, settings: dict[str, str]) -> None:
    with ExitStack() as running, tempfile.TemporaryDirectory(prefix="homin-bench-") as folder:
        broker = rabbitmq.find(own=True)
        running.callback(broker.close)
        database = postgres.find(own=True)
        running.callback(database.close)
        free_of_limits = {"HOMIN_FRAMES_PER_S": "0", "HOMIN_ROOM_FRAMES_PER_S": "0", "HOMIN_LOG": "warning", **settings}
        cluster = Cluster(
            broker.make_vhost(), database.make_database(), Path(folder), gateways=gateways, routers=routers,
            settings=free_of_limits,
        )  # fmt: skip
        async with cluster:
            tokens = Path(folder) / "tokens"
            accounts = AccountsSettings.model_validate({"database_url": cluster.database_url})
            names = [f"user-{n:05}" for n in range(users)]
            tokens.write_text("\n".join(await make_tokens(accounts, names, TOKENS_S, int(time.time()))) + "\n")
            # What was started here is ours or our children's; a container's processes are the engine's.
            pids = [os.getpid(), *broker.pids, *database.pids]
            parts = {name: [process.pid] for name, process in cluster.processes.items()}
            parts |= {"broker": roots(broker), "database": roots(database)}
            versions = {
                "RabbitMQ": ".".join(map(str, broker.version)),
                "PostgreSQL": await postgres_version(cluster.database_url),
            }
            said = {
                "urls": [g.ws for g in cluster.of("gateway")], "pids": pids, "tokens": str(tokens), "parts": parts,
                "database": cluster.database_url, "versions": versions,
            }  # fmt: skip
            print(json.dumps(said), flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def roots(server: RabbitMQ | Postgres) -> list[int]:
    """The process that all others of this server descend from."""
    return [server.process.pid] if isinstance(server, LocalRabbitMQ | LocalPostgres) else server.pids


async def postgres_version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW server_version")).split()[0]
    finally:
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serve", description=__doc__)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--routers", type=int, default=1)
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--set", action="append", default=[], metavar="HOMIN_X=Y", help="another setting, for trials")
    arguments = parser.parse_args()
    settings = dict(pair.split("=", 1) for pair in arguments.set)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(serve(arguments.gateways, arguments.routers, arguments.users, settings))
    except ServerMissing as why:
        sys.exit(str(why))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
