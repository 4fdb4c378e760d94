"""PostgreSQL for tests. `find()` gives a running server; each test takes a database of its own in it."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGINT, SIGQUIT
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from tests.servers import apt
from tests.servers.containers import Container, NoContainer
from tests.servers.missing import ServerMissing
from tests.servers.process import DidNotStart, ServerProcess, free_ports
from tests.servers.server import Given, InContainer, Local, Server

IMAGE = "postgres:17"
HINT = (
    "apt-get install postgresql  (or start Docker, or set HOMIN_TEST_DATABASE_URL=postgresql://user:password@host/db)"
)
READY = "database system is ready to accept connections"


class Postgres(Server):
    """A running server. `url`: a database of it from which others may be created."""

    def make_database(self, template: str | None = None) -> str:
        """A new database, empty or a copy of that of the URL `template` (to which nobody may be connected); its URL."""
        name = f"homin_{uuid4().hex[:12]}"
        source = f' TEMPLATE "{_database(template)}"' if template else ""
        self._execute(f'CREATE DATABASE "{name}"{source}')
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def remove_database(self, url: str) -> None:
        """Remove it; connections to it are closed."""
        self._execute(f'DROP DATABASE IF EXISTS "{_database(url)}" WITH (FORCE)')

    def close_all_connections(self) -> None:
        """The server ends every client's session (57P01 admin_shutdown)."""
        self._execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    def _execute(self, statement: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        in_a_thread(execute)


def _database(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def in_a_thread(work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run `work` to its end on a loop of its own: callers may stand inside a running loop, as fixtures do."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()


class GivenPostgres(Given, Postgres):
    """Databases are made in it."""

    variable = "HOMIN_TEST_DATABASE_URL"

    def __init__(self, url: str) -> None:
        self.url = urlunsplit(urlsplit(url)._replace(scheme="postgresql"))
        try:
            self._execute("SELECT 1")
        except (OSError, asyncpg.PostgresError) as why:
            tried = [f"HOMIN_TEST_DATABASE_URL is set, but the server refuses ({why})"]
            raise ServerMissing("PostgreSQL", tried, "unset HOMIN_TEST_DATABASE_URL, or start that server") from why


class ContainerPostgres(InContainer, Postgres):
    def __init__(self, durable: bool) -> None:
        environment = {"POSTGRES_USER": "homin", "POSTGRES_PASSWORD": "homin", "POSTGRES_DB": "homin"}
        # Its first start says the line once for the set-up, on a socket only, and once for good: "listening" is unique.
        command = ["postgres", *_options(durable)]
        self._container = Container(IMAGE, [5432], 'listening on IPv4 address "0.0.0.0"', environment, command)
        self._container.start()
        self.url = f"postgresql://homin:homin@127.0.0.1:{self._container.ports[5432]}/homin"
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        self._container.run("sh", "-c", "until pg_isready -q -h 127.0.0.1 -U homin; do sleep 0.05; done")

    def start(self) -> None:
        super().start()
        self._wait_until_it_answers()


class LocalPostgres(Local, Postgres):
    """The machine's PostgreSQL with a port and data of our own. As root it runs as the user postgres."""

    def __init__(self, durable: bool) -> None:
        programs = local_programs()
        assert programs is not None, "asked for before it was looked for"
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = folder = Path(tempfile.mkdtemp(prefix="homin-postgres-"))
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        (port,) = free_ports(1)
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        data = folder / "data"
        made = subprocess.run(
            [str(programs / "initdb"), "--pgdata", str(data), "--username", "homin", "--auth", "trust",
             "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"],
            cwd=folder, env=environment, user=self._user, group=self._user, extra_groups=[] if self._user else None,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if made.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise DidNotStart(f"initdb failed: {made.stdout.strip()[-400:]}")
        self.url = f"postgresql://homin@127.0.0.1:{port}/postgres"
        self._server = ServerProcess(
            [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "",
             "-c", "logging_collector=off", *_options(durable)],
            folder, READY, environment, self._user, farewell=SIGINT, crash=SIGQUIT,
        )  # fmt: skip
        try:
            self._server.start()
        except BaseException:
            self.close()
            raise


def _options(durable: bool) -> list[str]:
    """`durable` False: commits do not wait for the disk. For tests of behaviour only, never for a measurement."""
    speed = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
    settings = ["max_connections=200", *([] if durable else speed)]
    return [word for setting in settings for word in ("-c", setting)]


def local_programs() -> Path | None:
    """The folder with `initdb` and `postgres`: the newest of Debian's, else the one on PATH."""
    debian = Path("/usr/lib/postgresql")
    versions = sorted((p for p in debian.glob("*/bin/initdb")), key=lambda p: float(p.parent.parent.name))
    on_path = shutil.which("initdb")
    found = versions[-1] if versions else Path(on_path).resolve() if on_path else None
    return found.parent if found and (found.parent / "postgres").exists() else None


def find(own: bool = False, durable: bool = True) -> Postgres:
    """A running PostgreSQL, found in the package's order. `own`: one that the caller may stop and break."""
    given = os.environ.get("HOMIN_TEST_DATABASE_URL")
    if given and not own:
        return GivenPostgres(given)
    tried = ["one that may be stopped is needed, not a given one" if given else "HOMIN_TEST_DATABASE_URL is not set"]
    try:
        return ContainerPostgres(durable)
    except (NoContainer, TimeoutError) as why:
        tried.append(str(why))
    try:
        if local_programs() is None:
            tried.append("there is no initdb in /usr/lib/postgresql or on PATH")
            apt.install("postgresql")
        return LocalPostgres(durable)
    except (apt.CannotInstall, DidNotStart) as why:
        tried.append(str(why))
    raise ServerMissing("PostgreSQL", tried, HINT)
