"""Each container killed, and each restarted, under traffic: nothing that was acknowledged is lost or doubled."""

from __future__ import annotations

import pytest

from tests.stack.conftest import Told
from tests.stack.stack import Stack
from tests.stack.traffic import Traffic

ALONE = ("accounts", "files", "web", "broker", "database")
SEVERAL = ("gateway", "router")


@pytest.mark.parametrize("service", SEVERAL)
async def test_one_of_several_is_killed_and_the_others_go_on(stack: Stack, told: Told, service: str) -> None:
    async with Traffic(stack) as traffic:
        await traffic.flows()
        for container in await stack.containers(service):
            await stack.kill(container)
            await traffic.flows()
            await stack.start(container)
            await traffic.flows()
        told(f"each {service} killed in turn, and started", await traffic.count())


@pytest.mark.parametrize("service", ALONE)
async def test_the_only_one_is_killed_and_all_goes_on_once_it_is_back(stack: Stack, told: Told, service: str) -> None:
    async with Traffic(stack) as traffic:
        await traffic.flows()
        (container,) = await stack.containers(service)
        await stack.kill(container)
        await stack.start(container)
        await traffic.flows()
        await traffic.uploads()
        await stack.guest("newcomer")
        told(f"{service} killed, and started", await traffic.count())


@pytest.mark.parametrize("service", [*SEVERAL, *ALONE])
async def test_a_restart_in_order_loses_nothing(stack: Stack, told: Told, service: str) -> None:
    async with Traffic(stack) as traffic:
        await traffic.flows()
        for container in await stack.containers(service):
            await stack.restart(container)
            await traffic.flows()
        await traffic.uploads()
        told(f"each {service} restarted in turn", await traffic.count())
