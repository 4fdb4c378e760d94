"""What deploy/Caddyfile does where not every gateway is well: whoever comes is let in by one that is.

Tried with the Caddy that `make images` brings and with a new one. They differ: up to 2.11.1 a failure of an upstream
from DNS is forgotten as soon as no request is in flight to it, so passive checks alone do nothing there.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from shared.client.core.backoff import comes_back
from tests.integration.balancer import Balancer, seconds
from tests.integration.gateway_deployment import deployed, eventually
from tests.integration.wire import Wire
from tests.servers import caddy

SLACK_S = 6.0  # of a loaded machine
CLIENTS = 8
SILENT_S = seconds("response_header_timeout")
DIAL_S = seconds("dial_timeout")
# By the time that whoever comes may lose: the first try goes where the fewest are, the second may find the same one.
ILL = {"refuses": 0.2, "answers_503": 0.0, "is_silent": 2 * SILENT_S, "drops": 2 * DIAL_S}


@pytest.fixture(params=["debian", "newest"])
def program(request: pytest.FixtureRequest) -> str:
    return caddy.newest() if request.param == "newest" else caddy.debian(os.environ.get("HOMIN_TEST_CADDY"))


@pytest.fixture
async def balancer(program: str, tmp_path: Path) -> AsyncIterator[Balancer]:
    async with Balancer(program, tmp_path) as running:
        yield running


async def let_in(balancer: Balancer, clients: AsyncExitStack, within: float) -> str:
    """Who lets in a new client, which then stays."""
    began = time.monotonic()
    connection: ClientConnection = await clients.enter_async_context(connect(balancer.url, open_timeout=30))
    name = await connection.recv(decode=True)
    assert time.monotonic() - began < within + SLACK_S
    return name


@pytest.mark.parametrize("ill", ILL)
async def test_beside_one_that_is_ill_a_healthy_gateway_lets_everybody_in(balancer: Balancer, ill: str) -> None:
    await getattr(balancer, ill)()
    healthy = await balancer.healthy()
    for _ in range(3):  # each time as the only one
        async with AsyncExitStack() as clients:
            assert await let_in(balancer, clients, ILL[ill]) == healthy
    async with AsyncExitStack() as clients:
        for _ in range(CLIENTS):
            assert await let_in(balancer, clients, ILL[ill]) == healthy


@pytest.mark.parametrize("ill", ILL)
async def test_one_that_comes_and_is_ill_keeps_nobody_from_the_one_that_has_clients(
    balancer: Balancer, ill: str
) -> None:
    """After a `--scale`, or where a container was replaced: it has the fewest connections, none."""
    healthy = await balancer.healthy()
    async with AsyncExitStack() as clients:
        for _ in range(CLIENTS):
            assert await let_in(balancer, clients, 0.0) == healthy
        await getattr(balancer, ill)()
        await balancer.known()
        for _ in range(CLIENTS):
            assert await let_in(balancer, clients, ILL[ill]) == healthy


async def test_among_all_kinds_of_ill_ones_the_healthy_gateway_is_found(balancer: Balancer) -> None:
    for ill in ILL:
        await getattr(balancer, ill)()
    healthy = await balancer.healthy()
    async with AsyncExitStack() as clients:
        for _ in range(CLIENTS):
            assert await let_in(balancer, clients, 2 * (SILENT_S + DIAL_S)) == healthy


async def test_two_that_take_nobody_are_passed_over(balancer: Balancer) -> None:
    await balancer.answers_503()
    await balancer.answers_503()
    healthy = await balancer.healthy()
    async with AsyncExitStack() as clients:
        for _ in range(CLIENTS):
            assert await let_in(balancer, clients, 0.0) == healthy


async def test_new_clients_go_where_the_fewest_are(balancer: Balancer) -> None:
    first = await balancer.healthy()
    async with AsyncExitStack() as clients:
        for _ in range(CLIENTS):
            assert await let_in(balancer, clients, 0.0) == first
        second = await balancer.healthy()
        await balancer.known()
        names = Counter([await let_in(balancer, clients, 0.0) for _ in range(CLIENTS)])
        assert names == {second: CLIENTS}


@pytest.mark.parametrize("ill", ILL)
async def test_the_balancer_is_well_while_one_gateway_is(balancer: Balancer, ill: str) -> None:
    await getattr(balancer, ill)()
    await balancer.healthy()
    async with httpx.AsyncClient(timeout=10) as asking:
        for _ in range(6):
            assert (await asking.get(balancer.health)).status_code == 200


@pytest.mark.parametrize("service", ["accounts", "files"])
@pytest.mark.parametrize("ill", ["refuses", "drops"])
async def test_beside_a_service_that_cannot_be_reached_who_reads_is_answered_by_the_other(
    program: str, tmp_path: Path, service: str, ill: str
) -> None:
    async with Balancer(program, tmp_path, service) as balancer, httpx.AsyncClient(timeout=20) as asking:
        await getattr(balancer, ill)()
        healthy = await balancer.healthy()
        for _ in range(12):
            began = time.monotonic()
            answer = await asking.get(f"{balancer.site}/api/{service}/x")
            assert (answer.status_code, answer.text) == (200, healthy)
            assert time.monotonic() - began < DIAL_S + SLACK_S


async def test_whoever_is_on_when_caddy_reloads_comes_back(program: str, tmp_path: Path) -> None:
    """Caddy 2.6 writes the gateway a close frame without a mask, be it in the middle of a client's frame."""
    async with deployed(tmp_path / "homin") as homin:
        balancer = Balancer(program, tmp_path)
        balancer.leads_to(homin.address)
        async with balancer:
            idle, talking = [[await Wire.connect(balancer.url) for _ in range(4)] for _ in range(2)]
            for wire in idle + talking:
                await wire.send({"type": "auth", "token": homin.token("olena")})
                assert (await wire.frame())["type"] == "welcome"
            for wire in talking:
                await wire.raw(b"\x81\xfe\x04\x00mask{")  # the beginning of 1,024 bytes
            await balancer.reload()
            for wire in idle + talking:
                assert comes_back(await wire.close())
                wire.abort()
            await eventually(lambda: not homin.gateway._started.connections)
            again = await Wire.connect(balancer.url)
            await again.send({"type": "auth", "token": homin.token("olena")})
            assert (await again.frame())["type"] == "welcome"
            again.abort()
        assert [line for line in homin.log if line["log_level"] in ("warning", "error")] == []
