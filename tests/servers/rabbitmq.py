"""RabbitMQ for tests. `find()` gives a running server; each test takes a virtual host of its own in it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from abc import abstractmethod
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

from tests.servers import apt
from tests.servers.containers import Container, NoContainer
from tests.servers.missing import ServerMissing
from tests.servers.process import DidNotStart, ServerProcess, free_ports
from tests.servers.server import Given, InContainer, Local, Server

IMAGE = "rabbitmq:4-management"
HINT = "apt-get install rabbitmq-server  (or start Docker, or set HOMIN_TEST_AMQP_URL=amqp://user:password@host:5672/)"
LIBRARY = Path("/usr/lib/rabbitmq")
ALARMING_BYTES = 1  # a watermark that any running node is above


class RabbitMQ(Server):
    """A running broker. `url`: its default virtual host; `management`: the address of its HTTP API."""

    management: str

    @property
    def version(self) -> tuple[int, ...]:
        """Such as (4, 0, 5)."""
        text = str(self._api("GET", "/api/overview")["rabbitmq_version"])
        return tuple(int(part) for part in text.split("-")[0].split("+")[0].split("."))

    def make_vhost(self) -> str:
        """A new, empty virtual host; its URL."""
        name = f"homin-{uuid4().hex[:12]}"
        self._api("PUT", f"/api/vhosts/{name}", {})
        user = quote(urlsplit(self.url).username or "guest")
        self._api("PUT", f"/api/permissions/{name}/{user}", {"configure": ".*", "write": ".*", "read": ".*"})
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def remove_vhost(self, url: str) -> None:
        """Remove it with all its queues; connections to it are closed."""
        self._api("DELETE", f"/api/vhosts/{urlsplit(url).path.removeprefix('/')}")

    def set_policy(self, url: str, name: str, pattern: str, definition: dict[str, object]) -> None:
        """As `rabbitmqctl set_policy --apply-to queues` in the virtual host of `url`."""
        place = f"/api/policies/{urlsplit(url).path.removeprefix('/')}/{name}"
        self._api("PUT", place, {"pattern": pattern, "definition": definition, "apply-to": "queues"})

    def make_user(self, url: str, permissions: dict[str, str] | None) -> str:
        """A new user, let into the virtual host of `url` with `permissions` (`configure`, `write`, `read`) or not at
        all; the URL as that user."""
        parts = urlsplit(url)
        made = urlunsplit(parts._replace(netloc=f"user-{uuid4().hex[:12]}:secret@{parts.hostname}:{parts.port}"))
        self.put_user(made, permissions)
        return made

    def put_user(self, url: str, permissions: dict[str, str] | None) -> None:
        """The user of `url`, as `make_user` has made it."""
        parts = urlsplit(url)
        self._api("PUT", f"/api/users/{parts.username}", {"password": parts.password, "tags": ""})
        if permissions is not None:
            self._api("PUT", f"/api/permissions/{parts.path.removeprefix('/')}/{parts.username}", permissions)

    def remove_user(self, url: str) -> None:
        """Remove the user of `url`; its connections are closed."""
        self._api("DELETE", f"/api/users/{urlsplit(url).username}")

    def close_all_connections(self, reason: str = "a test wants it so") -> None:
        """The broker closes every client's connection (320 CONNECTION_FORCED)."""
        self.ctl("close_all_connections", "--global", reason)

    def set_memory_alarm(self, on: bool) -> None:
        """Raise or clear the memory alarm: while it is on, connections that publish are blocked."""
        self.ctl("set_vm_memory_high_watermark", *(("absolute", str(ALARMING_BYTES)) if on else ("0.6",)))

    def _api(self, method: str, path: str, body: object = None) -> dict[str, object]:
        parts = urlsplit(self.url)
        login = base64.b64encode(f"{parts.username or 'guest'}:{parts.password or 'guest'}".encode()).decode()
        request = urllib.request.Request(
            self.management + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        found = json.loads(content) if content else {}
        assert isinstance(found, dict)
        return found

    @abstractmethod
    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl`; its output."""


class GivenRabbitMQ(Given, RabbitMQ):
    """Virtual hosts are made in it."""

    variable = "HOMIN_TEST_AMQP_URL"

    def __init__(self, url: str, management: str | None) -> None:
        parts = urlsplit(url)
        self.url = url
        self.management = (management or f"http://{parts.hostname}:15672").rstrip("/")
        try:
            self._api("GET", "/api/overview")
        except (urllib.error.URLError, OSError) as why:
            raise ServerMissing(
                "RabbitMQ",
                [f"HOMIN_TEST_AMQP_URL is set, but the management API at {self.management} refuses ({why})"],
                "rabbitmq-plugins enable rabbitmq_management, or set HOMIN_TEST_AMQP_MANAGEMENT_URL",
            ) from why

    def ctl(self, *arguments: str) -> str:
        self._not_ours()


class ContainerRabbitMQ(InContainer, RabbitMQ):
    def __init__(self) -> None:
        environment = {"RABBITMQ_DEFAULT_USER": "homin", "RABBITMQ_DEFAULT_PASS": "homin"}
        self._container = Container(IMAGE, [5672, 15672], "Server startup complete", environment)
        self._container.start()
        self.url = f"amqp://homin:homin@127.0.0.1:{self._container.ports[5672]}/"
        self.management = f"http://127.0.0.1:{self._container.ports[15672]}"

    def ctl(self, *arguments: str) -> str:
        return self._container.run("rabbitmqctl", *arguments)


class LocalRabbitMQ(Local, RabbitMQ):
    """The machine's RabbitMQ as a node of our own: ports, data, log, cookie and port mapper in a temporary folder.
    `port`: where it serves AMQP; by default one that is free."""

    def __init__(self, port: int | None = None) -> None:
        self._folder = folder = Path(tempfile.mkdtemp(prefix="homin-rabbitmq-"))
        amqp, management, distribution, mapper = free_ports(4)
        amqp = port or amqp
        self.url = f"amqp://guest:guest@127.0.0.1:{amqp}/"
        self.management = f"http://127.0.0.1:{management}"
        (folder / "plugins").write_text("[rabbitmq_management].\n")
        (folder / "rabbitmq.conf").write_text(
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n"
            # Statistics would cost what the benchmarks measure; nobody here reads them.
            "management_agent.disable_metrics_collector = true\n"
            # As in deploy/rabbitmq.conf: what a quorum queue's log may hold in memory.
            "raft.wal_max_size_bytes = 64000000\n"
            "log.file = false\nlog.console = true\nlog.console.level = info\n"
        )
        self._environment = environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))},
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": "homin@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(amqp),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            # With this its start script becomes the node instead of watching over it, so that our child is the broker.
            "RUNNING_UNDER_SYSTEMD": "true",
            # A port mapper of its own: the node would otherwise start one that outlives it.
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        epmd = shutil.which("epmd") or "/usr/lib/erlang/bin/epmd"
        self._mapper = ServerProcess([epmd, "-d", "-port", str(mapper)], folder, "epmd running", environment)
        server = str(LIBRARY / "bin" / "rabbitmq-server")
        self._server = ServerProcess([server], folder, "Server startup complete", environment)
        try:
            self._mapper.start()
            self._server.start()
        except BaseException:
            self.close()
            raise

    def ctl(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(LIBRARY / "bin" / "rabbitmqctl"), "--quiet", *arguments],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {' '.join(arguments)} gave {done.returncode}: {done.stdout}")
        return done.stdout

    def close(self) -> None:
        super().close()
        self._mapper.kill()


def is_local() -> bool:
    """Whether this machine has RabbitMQ where Debian and Ubuntu put it."""
    return (LIBRARY / "bin" / "rabbitmq-server").exists()


def find(own: bool = False) -> RabbitMQ:
    """A running RabbitMQ, found in the package's order. `own`: one that the caller may stop and break."""
    given = os.environ.get("HOMIN_TEST_AMQP_URL")
    if given and not own:
        return GivenRabbitMQ(given, os.environ.get("HOMIN_TEST_AMQP_MANAGEMENT_URL"))
    tried = ["one that may be stopped is needed, not a given one" if given else "HOMIN_TEST_AMQP_URL is not set"]
    try:
        return ContainerRabbitMQ()
    except (NoContainer, TimeoutError) as why:
        tried.append(str(why))
    try:
        if not is_local():
            tried.append(f"{LIBRARY}/bin/rabbitmq-server does not exist")
            apt.install("rabbitmq-server")
        return LocalRabbitMQ()
    except (apt.CannotInstall, DidNotStart) as why:
        tried.append(str(why))
    raise ServerMissing("RabbitMQ", tried, HINT)
