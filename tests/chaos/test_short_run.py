"""A short run of `make chaos`, with a seed of its own each time; the longer ones are for machines that have an hour."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from tests.chaos.run import Plan, under_faults
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ

SECONDS = 25.0
QUICK = {"HOMIN_BEAT_S": "1", "HOMIN_SILENT_S": "4", "HOMIN_GATEWAY_DRAIN_S": "1"}
"""Silence is noticed sooner than in a deployment, so that it is noticed within the run."""


async def test_nothing_is_lost_doubled_or_out_of_order_while_things_break(
    own_rabbitmq: RabbitMQ, own_postgres: Postgres, seed: int
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="homin-chaos-"))
    plan = Plan(
        seconds=SECONDS, seed=seed, users=12, rooms=4, rate=15.0, gateways=2, quiet_s=30.0, pause_s=6.0, settings=QUICK
    )
    async with asyncio.timeout(150):
        result = await under_faults(plan, own_rabbitmq, own_postgres, folder)
    # The folder stays where there is something to look at.
    assert result.is_clean, f"seed {seed}, {folder}: {result.died} {result.verdict.findings[:20]}"
    assert result.verdict.stored > 50
    assert sum(result.faults.values()) >= 4, result.faults
    shutil.rmtree(folder, ignore_errors=True)
