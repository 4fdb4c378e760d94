"""`make storm` with some hundreds of clients: everyone comes back and lacks nothing. How long it takes is not asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.storm import Plan, under_storm
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ


async def test_who_comes_back_all_at_once_lacks_nothing(
    rabbitmq: RabbitMQ, postgres: Postgres, seed: int, tmp_path: Path
) -> None:
    await storm(
        Plan(clients=300, seed=seed, room=30, processes=1, jitter_s=2.0, talk_s=1.0), rabbitmq, postgres, tmp_path
    )


async def test_nor_does_who_has_many_rooms(rabbitmq: RabbitMQ, postgres: Postgres, seed: int, tmp_path: Path) -> None:
    plan = Plan(clients=60, seed=seed, room=20, processes=1, jitter_s=1.0, talk_s=1.0, rooms=20, settle_s=6.0)
    await storm(plan, rabbitmq, postgres, tmp_path)


async def storm(plan: Plan, rabbitmq: RabbitMQ, postgres: Postgres, folder: Path) -> None:
    async with asyncio.timeout(150):
        outcome = await under_storm(plan, rabbitmq, postgres, folder)
    assert outcome.is_whole, f"seed {plan.seed}\n{outcome.table()}\n{outcome.behind[:10]}"
    assert outcome.written > 50
