"""`python -m tests.servers up [rabbitmq] [postgres] [chromium] [--fast]`: servers for what is not a test.

Starts those that are named (all three where none is), prints one line of JSON with `amqp_url`, `management_url`,
`database_url`, `chromium`, and holds them until its standard input ends (Ctrl-D, or the end of the program that started
it) or it gets SIGINT or SIGTERM; then everything is removed. `--fast`: PostgreSQL that does not wait for the disk.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from contextlib import ExitStack
from types import FrameType

from tests.servers import chromium, postgres, rabbitmq
from tests.servers.missing import ServerMissing

KINDS = ("rabbitmq", "postgres", "chromium")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("action", choices=["up"])
    parser.add_argument("servers", nargs="*", choices=[*KINDS, []], metavar="rabbitmq|postgres|chromium")
    parser.add_argument("--fast", action="store_true", help="PostgreSQL with fsync off: never measure with it")
    arguments = parser.parse_args()
    wanted = arguments.servers or KINDS
    signal.signal(signal.SIGTERM, _leave)
    addresses: dict[str, str | None] = {}
    with ExitStack() as running:
        if "rabbitmq" in wanted:
            broker = rabbitmq.find()
            running.callback(broker.close)
            addresses |= {"amqp_url": broker.url, "management_url": broker.management}
        if "postgres" in wanted:
            database = postgres.find(durable=not arguments.fast)
            running.callback(database.close)
            addresses["database_url"] = database.url
        if "chromium" in wanted:
            browser = chromium.find()
            running.callback(browser.close)
            addresses["chromium"] = browser.executable or browser.endpoint
        print(json.dumps(addresses), flush=True)
        sys.stdin.read()


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except ServerMissing as why:
        sys.exit(str(why))
    except KeyboardInterrupt:
        sys.exit(130)
