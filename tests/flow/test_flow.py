"""Whole gateways and routers on a simulated clock, thousands of runs, each drawn from one seed: whatever goes wrong in
whatever order, the promises of docs/protocol.md hold. The seeds are the same each time, so that a red run speaks of
the change; HOMIN_SEED=… runs one seed, HOMIN_SEEDS=… says how many, and `python -m tests.flow SEED --count N` explores
others."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.flow.clock import Stuck, simulate

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = max(2, os.cpu_count() or 1)
FIRST, SEEDS = 900_000, 1_000


async def flow(*arguments: str) -> tuple[int, str]:
    """`python -m tests.flow …` in a process of its own, where the order of sets is fixed; its status and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.flow", *arguments),
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("HOMIN_")}, "PYTHONHASHSEED": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode()


async def test_the_promises_hold_whatever_goes_wrong_in_whatever_order() -> None:
    if chosen := os.environ.get("HOMIN_SEED"):
        results = [await flow(chosen)]
    else:
        share = int(os.environ.get("HOMIN_SEEDS", SEEDS)) // PROCESSES
        firsts = [str(FIRST + share * n) for n in range(PROCESSES)]
        results = await asyncio.gather(*(flow(first, "--count", str(share)) for first in firsts))
    assert [status for status, _ in results] == [0] * len(results), "\n".join(said for _, said in results)


ONCE_BROKEN = {
    "7014": "a router stood still while it asked who is subscribed, and did not notice: a dead gateway's user stayed",
    "6500138": "a leave that came again told the user's other sessions nothing: one sat in a room that it had left",
}


async def test_what_once_broke_a_promise_does_not_again() -> None:
    status, said = await flow(*ONCE_BROKEN)
    assert status == 0, said


async def test_a_seed_gives_the_same_run_again() -> None:
    (first, said), (second, again) = await asyncio.gather(*[flow("4", "11", "--verbose") for _ in range(2)])
    assert (first, second) == (0, 0)
    assert len(said.splitlines()) > 50
    assert said == again


def test_time_moves_only_when_nothing_is_left_to_do() -> None:
    async def main() -> list[float]:
        loop, seen = asyncio.get_running_loop(), list[float]()
        for seconds in (5.0, 0.0, 3_600.0):
            await asyncio.sleep(seconds)
            seen.append(loop.time())
        return seen

    assert simulate(main()) == [5.0, 5.0, 3_605.0]


def test_a_simulation_in_which_everything_waits_says_so() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        simulate(main())
