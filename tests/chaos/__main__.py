"""`python -m tests.chaos --seconds 120 --seed 7`: faults at random, and a verdict. `make chaos SECONDS=120 SEED=7`.

Starts RabbitMQ, PostgreSQL, three gateways, two routers, accounts and files, all of its own. With `--url` and
`--tokens` it talks to an installation instead (`make tokens COUNT=25 > tokens`), and breaks nothing. Prints one table;
the exit status is 0 where every promise was kept. With `--check` it judges the histories of an earlier run again.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop

from tests.chaos.checker import check
from tests.chaos.run import Plan, Result, at_installation, histories, under_faults, ws_urls
from tests.servers import postgres, rabbitmq
from tests.servers.missing import ServerMissing

SHOWN = 40


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--users", type=int, default=Plan.users)
    parser.add_argument("--rooms", type=int, default=Plan.rooms)
    parser.add_argument("--rate", type=float, default=Plan.rate, help="messages and changes a second, all together")
    parser.add_argument("--gateways", type=int, default=Plan.gateways)
    parser.add_argument("--routers", type=int, default=Plan.routers)
    parser.add_argument("--url", help="ws://…/ws[,ws://…/ws]: an installation, which is not broken")
    parser.add_argument("--tokens", type=Path, help="a file of tokens for it, one a line; the last is the onlooker's")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="judge these histories again")
    given = parser.parse_args()
    if given.check is not None:
        verdict = check(histories(given.check))
        print(verdict.table(), *(f"{f.breach}: {f.text}" for f in verdict.findings[:SHOWN]), sep="\n")
        return 0 if verdict.is_clean else 1
    seed = secrets.randbelow(1 << 31) if given.seed is None else given.seed
    plan = Plan(
        seconds=given.seconds, seed=seed, users=given.users, rooms=given.rooms, rate=given.rate,
        gateways=given.gateways, routers=given.routers,
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="homin-chaos-"))
    print(f"seed {seed}, {given.seconds:.0f} s, histories and logs in {folder}", flush=True)
    if given.url:
        if given.tokens is None:
            parser.error("--url needs --tokens")
        tokens = given.tokens.read_text().split()
        result = uvloop.run(at_installation(plan, ws_urls(given.url), tokens, folder))
    else:
        with ExitStack() as servers:
            broker = rabbitmq.find(own=True)
            servers.callback(broker.close)
            database = postgres.find(own=True)
            servers.callback(database.close)
            result = uvloop.run(under_faults(plan, broker, database, folder))
    report(result, seed)
    return 0 if result.is_clean else 1


def report(result: Result, seed: int) -> None:
    verdict = result.verdict
    if result.faults:
        print("\nfaults:", ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items())))
    for finding in verdict.findings[:SHOWN]:
        print(f"{finding.breach}: {finding.text}")
    if len(verdict.findings) > SHOWN:
        print(f"… and {len(verdict.findings) - SHOWN} more")
    for name in result.died:
        print(f"{name} ended by itself: see {result.folder / name}.log")
    for text in result.behind[:SHOWN]:
        print(f"not quiet in time: {text}")
    print(f"\n{verdict.table()}\n")
    kept = "every promise was kept" if result.is_clean else "PROMISES WERE BROKEN"
    print(f"{kept}; seed {seed}, quiet after {result.quiet_after_s:.1f} s, histories in {result.folder / 'histories'}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServerMissing as why:
        sys.exit(str(why))
