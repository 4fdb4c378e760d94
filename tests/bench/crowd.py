"""`python -m tests.bench.crowd URL TOKENS`: many idle connections to one gateway, in a process of their own.

Reads commands, one a line, and answers each with a line of JSON: `connect N` opens N more with the next tokens, to
the welcome (`seconds`, how long that took); `join` lets each of them join a room of ten. Ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from tests.bench.line import Line
from tests.bench.serving import ROOT

AT_ONCE = 64  # handshakes under way: enough to keep a gateway busy, too few to queue in its backlog
SUBSCRIPTIONS_AT_ONCE = 10


async def converse(url: str, tokens: list[str]) -> None:
    lines: list[Line] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def connect(token: str) -> None:
        async with gate:
            line = Line(url)
            await line.open(token)
            lines.append(line)

    async def join(line: Line, room: str) -> None:
        async with gate:
            await line.ask({"type": "join", "room": room}, b'"type":"joined"')

    while command := (await asyncio.to_thread(sys.stdin.readline)).split():
        began = time.perf_counter()
        match command:
            case ["connect", count]:
                first = len(lines)
                await asyncio.gather(*(connect(token) for token in tokens[first : first + int(count)]))
            case ["join"]:
                place = url.rpartition(":")[2].partition("/")[0]  # the rooms of another crowd are others
                await asyncio.gather(
                    *(join(line, f"c{place}.{n // SUBSCRIPTIONS_AT_ONCE}") for n, line in enumerate(lines))
                )
        gone = [line.closed for line in lines if line.closed]
        said = {"seconds": time.perf_counter() - began, "open": len(lines) - len(gone), "gone": gone[:3]}
        print(json.dumps(said), flush=True)


class Crowd:
    """The other end of the conversation."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def say(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, float]:
        """The answer. Raises ConnectionError when the process has ended, or any connection has."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ConnectionError("the crowd has ended; why stands above")
        said: dict[str, float] = json.loads(line)
        if said["gone"]:
            raise ConnectionError(f"connections have ended: {said['gone']}")
        return said


@contextmanager
def crowd(url: str, tokens: str) -> Iterator[Crowd]:
    """Runs for as long as the block does. `tokens`: a file, one a line."""
    command = [sys.executable, "-m", "tests.bench.crowd", url, tokens]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Crowd(process)
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        uvloop.run(converse(sys.argv[1], file.read().split()))
