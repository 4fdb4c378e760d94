"""What an installation owes the world: no default passwords, TLS by itself, secrets nowhere but where they belong."""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers.process import free_ports
from tests.stack.stack import PASSWORD, Stack, eventually

GOOD = "a" * 12
LASTING = ("accounts", "files", "gateway", "router", "web", "broker", "database")


def other(stack: Stack, project: str, **changed: str) -> Stack:
    """Another project beside the one under test, with the same images."""
    beside = Stack(**changed)
    beside.environment |= {"COMPOSE_PROJECT_NAME": project, "HOMIN_VERSION": stack.environment["HOMIN_VERSION"]}
    return beside


@pytest.mark.parametrize(
    ("database", "broker", "sentence"),
    [
        ("", GOOD, "DATABASE_PASSWORD is still the default, and DOMAIN=chat.example.org opens the installation"),
        (GOOD, "", "BROKER_PASSWORD is still the default"),
        (GOOD, "short", "BROKER_PASSWORD has fewer than 12 characters"),
    ],
)
async def test_a_domain_with_a_weak_password_does_not_start(
    stack: Stack, database: str, broker: str, sentence: str
) -> None:
    changed = {"DOMAIN": "chat.example.org", "DATABASE_PASSWORD": database, "BROKER_PASSWORD": broker}
    refused = other(stack, "homin-test-refused", **changed)
    try:
        await refused.compose("up", "--detach", "--wait", "database", "broker", fails=True)
        assert sentence in await refused.compose("logs", "preflight")
        running = await refused.compose("ps", "--services", "--status", "running")
        assert running.split() == []
    finally:
        await refused.compose("down", "--volumes")


async def test_a_domain_has_tls_by_itself_and_everyone_is_sent_there(stack: Stack) -> None:
    """`localhost` is the one domain for which a certificate can be had without the world: Caddy makes it."""
    http_port, https_port = free_ports(2)
    ports = {"HTTP_PORT": str(http_port), "HTTPS_PORT": str(https_port)}
    secure = other(stack, "homin-test-tls", DOMAIN="localhost", **ports)
    try:
        await secure.compose("up", "--detach", "--no-deps", "web")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        async with httpx.AsyncClient(verify=context, trust_env=False) as http:

            async def answers() -> bool:
                try:
                    return (await http.get(f"https://localhost:{https_port}/")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(answers, "the page comes over TLS")
            page = await http.get(f"https://localhost:{https_port}/")
            assert page.headers["strict-transport-security"] == "max-age=31536000"
            away = await http.get(f"http://localhost:{http_port}/room?x=1")
            assert (away.status_code, away.headers["location"]) == (308, "https://localhost/room?x=1")
    finally:
        await secure.compose("down", "--volumes")


async def test_passwords_may_come_from_files(stack: Stack, secrets_folder: Path) -> None:
    for name in ("broker_password", "database_password"):
        (secrets_folder / name).write_text(f"{PASSWORD}-{name}\n")
        (secrets_folder / name).chmod(0o644)
    files = {"COMPOSE_FILE": "docker-compose.yml:deploy/secrets.yml", "SECRETS": str(secrets_folder)}
    passwords = {"DATABASE_PASSWORD": "", "BROKER_PASSWORD": "", "DOMAIN": "chat.example.org"}
    secret = other(stack, "homin-test-secrets", **passwords, **files)
    try:
        # A router is ready once both have let it in.
        await secret.compose("up", "--detach", "--wait", "--scale", "router=1", "router")
        shown = await secret.run("docker", "inspect", *(await secret.compose("ps", "--all", "--quiet")).split())
        assert PASSWORD not in shown
    finally:
        await secret.compose("down", "--volumes")


@pytest.fixture
def secrets_folder() -> Iterator[Path]:
    """Not pytest's own, which is for its owner alone: the containers are other users, and must come to the files."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


async def test_no_image_holds_a_secret_and_no_process_is_root(stack: Stack) -> None:
    for image in ("homin:test", "homin-web:test"):
        history = await stack.run("docker", "history", "--no-trunc", image)
        config = await stack.run("docker", "image", "inspect", image)
        assert PASSWORD not in history + config
        assert "PRIVATE" not in history
    for service in LASTING:
        for container in await stack.containers(service):
            found = json.loads(await stack.run("docker", "inspect", container))[0]
            assert found["HostConfig"]["ReadonlyRootfs"], service
            assert found["HostConfig"]["CapDrop"] == ["ALL"], service
            processes = (await stack.run("docker", "top", container, "-eo", "pid,uid")).splitlines()[1:]
            assert processes, service
            assert "0" not in {process.split()[1] for process in processes}, service


async def test_the_broker_may_open_as_many_files_as_the_gateways(stack: Stack) -> None:
    for service in ("broker", "gateway"):
        container = (await stack.containers(service))[0]
        limits = await stack.run("docker", "exec", container, "cat", "/proc/1/limits")
        (line,) = (line for line in limits.splitlines() if line.startswith("Max open files"))
        assert int(line.split()[3]) >= 20_000, service


async def test_a_container_has_longer_to_stop_than_its_drain(stack: Stack) -> None:
    services = (await stack.config())["services"]
    drain = 20 + 5 + 20  # HOMIN_DRAIN_S for the services, 5 s over it, and again for requests under way
    for service in ("gateway", "router", "files", "accounts"):
        assert services[service]["stop_grace_period"] == "1m0s"
    began = asyncio.get_running_loop().time()
    (container,) = await stack.containers("accounts")
    await stack.restart(container)
    assert asyncio.get_running_loop().time() - began < drain
