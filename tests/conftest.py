"""Servers as fixtures. Nothing starts before a test asks for it; everything is gone when the run ends."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.servers import chromium as chromiums
from tests.servers import postgres as postgreses
from tests.servers import rabbitmq as rabbits
from tests.servers.chromium import Chromium
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ

# A failure prints what reproduces it (print_blob); which examples are drawn depends on the seed in the run's header.
settings.register_profile(
    "homin",
    derandomize=False,
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
settings.load_profile("homin")


def pytest_configure(config: pytest.Config) -> None:
    """One seed for all that hypothesis draws: HOMIN_TEST_SEED, else a new one."""
    if config.getoption("hypothesis_seed", None) is None:
        seed = os.environ.get("HOMIN_TEST_SEED") or str(int.from_bytes(os.urandom(4)))
        config.option.hypothesis_seed = seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: HOMIN_TEST_SEED={config.option.hypothesis_seed} draws the same again"


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The run's seed, for tests that draw by themselves."""
    return int(request.config.option.hypothesis_seed)


@pytest.fixture
def log_as_it_was() -> Iterator[None]:
    """For tests that configure the log: gives the process's own back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """The session's broker. Take `amqp_vhost` in it; a test that stops or blocks a broker takes `own_rabbitmq`."""
    broker = rabbits.find()
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def amqp_url(rabbitmq: RabbitMQ) -> str:
    """The session's broker, its default virtual host, shared by all tests."""
    return rabbitmq.url


@pytest.fixture
def amqp_vhost(rabbitmq: RabbitMQ) -> Iterator[str]:
    """The URL of a virtual host that is this test's alone."""
    url = rabbitmq.make_vhost()
    yield url
    rabbitmq.remove_vhost(url)


@pytest.fixture
def own_rabbitmq() -> Iterator[RabbitMQ]:
    """A broker that is this test's alone, to stop, kill and block. Costs some seconds."""
    broker = rabbits.find(own=True)
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's PostgreSQL. It does not wait for the disk (fsync=off): right for behaviour, wrong for measuring."""
    server = postgreses.find(durable=False)
    yield server
    server.close()


@pytest.fixture(scope="session")
def _migrated(postgres: Postgres) -> Iterator[str]:
    """The template: a database brought to the newest schema once."""
    from shared.runtime.database import migrate
    from shared.runtime.settings import async_database_url

    url = postgres.make_database()
    postgreses.in_a_thread(lambda: migrate(async_database_url(url)))
    yield url
    postgres.remove_database(url)


@pytest.fixture
def postgres_url(postgres: Postgres, _migrated: str) -> Iterator[str]:
    """A database of this test's own, with the newest schema and no rows."""
    url = postgres.make_database(template=_migrated)
    yield url
    postgres.remove_database(url)


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    """A database of this test's own without any table."""
    url = postgres.make_database()
    yield url
    postgres.remove_database(url)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A durable server that is this test's alone, to stop and kill."""
    server = postgreses.find(own=True)
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A browser to open: `await chromium.launch(playwright)`."""
    browser = chromiums.find()
    yield browser
    browser.close()
