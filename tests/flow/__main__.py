"""`python -m tests.flow SEED…`: runs these seeds, or with `--count N` so many from the first on. Prints what is
wrong, and with
`--verbose` all that happened. The same seed always gives the same run: HOMIN_SEED=… pytest tests/flow runs it alone."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from itertools import count
from unittest.mock import patch

if os.environ.get("PYTHONHASHSEED") != "0":
    # The order of a set of names must not differ between two runs of one seed.
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"})

import structlog

from tests.flow.clock import simulate
from tests.flow.world import World

Complaints = list[str]


def run(seed: int) -> tuple[Complaints, list[str]]:
    """What is wrong with this seed's run, and what happened in it."""
    complaints: Complaints = []
    sessions = count(1)
    world: list[World] = []

    def complain(_logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if world:
            world[0].note(f"{method}: {event}")
        # The store of these runs never goes back, whatever overtakes what.
        if method in ("error", "exception", "critical") or event["event"].startswith("the message store"):
            complaints.append(f"logged: {event}\n{traceback.format_exc() if event.get('exc_info') else ''}")
        raise structlog.DropEvent

    structlog.configure(processors=[complain])

    async def main() -> None:
        world.append(World(seed))
        complaints.extend(f"{breach}: {text}" for breach, text in (await world[0].run()).findings)
        complaints.extend(f"false alarm: {r}" for r in world[0].records if r["kind"] == "went_back")

    try:
        with patch("services.gateway.entry.token_hex", lambda _: f"session-{next(sessions)}"):
            simulate(main())
    except Exception:
        complaints.append(traceback.format_exc())
    return complaints, world[0].said if world else []


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.flow", description=__doc__)
    arguments.add_argument("seeds", nargs="+", type=int)
    arguments.add_argument("--count", type=int, help="run so many seeds, from the first one on")
    arguments.add_argument("--verbose", action="store_true")
    given = arguments.parse_args()
    seeds = range(given.seeds[0], given.seeds[0] + given.count) if given.count else given.seeds
    failed = 0
    for seed in seeds:
        complaints, said = run(seed)
        if given.verbose:
            print("\n".join(said))
        if complaints:
            failed += 1
            print(f"seed {seed}: python -m tests.flow {seed} --verbose shows all of it")
            print("\n".join(f"  {complaint}" for complaint in complaints[:10]), flush=True)
    print(f"{len(seeds)} seeds, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
