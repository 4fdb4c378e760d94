"""A cluster that the tests of a module share, each with rooms and users of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio
import uvloop

from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ
from tests.system.cluster import Cluster


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Many clients on one core: the faster loop."""
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(
    rabbitmq: RabbitMQ, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    """2 gateways, 2 routers, accounts; no limit to the rate of frames, and silence is noticed sooner than by
    default."""
    settings = {
        "HOMIN_FRAMES_PER_S": "0",
        "HOMIN_BEAT_S": "0.5",
        "HOMIN_SILENT_S": "3",
        "HOMIN_AMQP_HEARTBEAT_S": "2",
        "HOMIN_GATEWAY_DRAIN_S": "1",
    }
    amqp_url, database_url = rabbitmq.make_vhost(), postgres.make_database()
    try:
        async with Cluster(amqp_url, database_url, tmp_path_factory.mktemp("cluster"), settings=settings) as running:
            yield running
    finally:
        postgres.remove_database(database_url)
        rabbitmq.remove_vhost(amqp_url)


@pytest_asyncio.fixture(loop_scope="module")
async def whole(cluster: Cluster) -> Cluster:
    """The cluster with all that the last test has killed running again."""
    await cluster.restart_the_dead()
    return cluster
