"""The brokers and the stores that the suites run over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.sites import AmqpSite, MemorySite, Site
from tests.servers import rabbitmq as rabbits
from tests.servers.rabbitmq import RabbitMQ


@pytest.fixture(params=["memory", "amqp", "amqp, ordinary way"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """An empty broker: in this process, or a virtual host of the session's RabbitMQ, reached in either way."""
    made: Site
    if request.param == "memory":
        made = MemorySite()
    else:
        broker: RabbitMQ = request.getfixturevalue("rabbitmq")
        made = AmqpSite(request.getfixturevalue("amqp_vhost"), broker.version, direct=request.param == "amqp")
    yield made
    await made.close()


@pytest.fixture
async def amqp_site(amqp_vhost: str, rabbitmq: RabbitMQ) -> AsyncIterator[AmqpSite]:
    """A virtual host of the session's RabbitMQ, for what only a broker outside of this process can do."""
    made = AmqpSite(amqp_vhost, rabbitmq.version)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def fragile_rabbitmq() -> Iterator[RabbitMQ]:
    """A broker that this module's tests may disturb. Each leaves it running and without alarms."""
    broker = rabbits.find(own=True)
    yield broker
    broker.close()


@pytest.fixture
async def fragile_site(fragile_rabbitmq: RabbitMQ) -> AsyncIterator[AmqpSite]:
    """A virtual host of the broker that may be disturbed."""
    url = fragile_rabbitmq.make_vhost()
    made = AmqpSite(url, fragile_rabbitmq.version)
    yield made
    await made.close()
    fragile_rabbitmq.remove_vhost(url)
