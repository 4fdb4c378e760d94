"""What processes use, from /proc (proc(5)): CPU and memory of each part of the system while it is driven."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.bench.figures import growth

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """`cpu_s`: user and system. `rss`: resident bytes; memory that processes share counts in each of them. `own`:
    anonymous resident bytes, where a leak would show and a shared cache does not."""

    cpu_s: float
    rss: int
    own: int


def tree(roots: Iterable[int]) -> list[int]:
    """These processes and their descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    todo, found = list(roots), []
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def usage(pids: Iterable[int]) -> Usage:
    """The sum over these; one that has ended counts nothing."""
    cpu = rss = own = 0
    for pid in pids:
        stat = _stat(pid)
        try:
            status = (PROC / str(pid) / "status").read_text()
        except OSError:
            continue
        if stat:
            memory = dict(line.split(":", 1) for line in status.splitlines() if line.startswith(("VmRSS:", "RssAnon:")))
            cpu += int(stat[11]) + int(stat[12])
            rss += int(memory.get("VmRSS", "0 kB").split()[0])
            own += int(memory.get("RssAnon", "0 kB").split()[0])
    return Usage(cpu * TICK_S, rss << 10, own << 10)


def usage_of(parts: Mapping[str, Sequence[int]]) -> dict[str, Usage]:
    """Of each part with all that descends from it."""
    return {name: usage(tree(roots)) for name, roots in parts.items()}


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; nothing when the process has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@dataclass
class Watch:
    """Samples `parts` every `every_s` from a thread of its own while the block runs. `times`: monotonic seconds."""

    parts: Mapping[str, Sequence[int]]
    every_s: float = 0.5
    times: list[float] = field(default_factory=list)
    samples: list[dict[str, Usage]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._sample()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._sample()

    def cpu_between(self, start: float, end: float) -> dict[str, float]:
        """CPU seconds of each part between two moments, which may lie between samples."""
        series = {name: [sample[name].cpu_s for sample in self.samples] for name in self.parts}
        return growth(self.times, series, start, end)

    def _run(self) -> None:
        while not self._over.wait(self.every_s):
            self._sample()

    def _sample(self) -> None:
        self.times.append(time.monotonic())
        self.samples.append(usage_of(self.parts))
