"""Homin as `make bench-serve` starts it, for as long as a block runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Serving:
    """What runs. `urls`: of the gateways. `pids`: what the load generator accounts. `parts`: the processes by name.
    `tokens`: a file, one token a line."""

    urls: list[str]
    pids: list[int]
    tokens: str
    parts: dict[str, list[int]]
    database: str
    versions: dict[str, str]

    def parts_of(self, kind: str) -> dict[str, list[int]]:
        """Only the processes of one kind, such as `gateway`."""
        return {name: pids for name, pids in self.parts.items() if name.startswith(f"{kind}-")}


class DidNotServe(Exception):
    """bench-serve ended before it said where it listens; why stands above."""


@contextmanager
def serving(
    *,
    gateways: int = 2,
    routers: int = 1,
    users: int = 5_000,
    settings: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> Iterator[Serving]:
    """Starts it with broker and database of its own, and ends all of that. `root`: another checkout, with an
    environment of its own (base.py). Raises `DidNotServe`."""
    python = sys.executable if root is None else str(root / ".venv" / "bin" / "python")
    command = [python, "-m", "tests.bench.serve", "--gateways", str(gateways), "--routers", str(routers)]
    command += ["--users", str(users)]
    for name, value in (settings or {}).items():
        command += ["--set", f"{name}={value}"]
    # A session of its own: Ctrl-C is ours, and then its standard input closes.
    process = subprocess.Popen(
        command, cwd=root or ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith("{"):
            raise DidNotServe(f"bench-serve ended with {process.wait()}")
        yield Serving(**json.loads(line))
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
