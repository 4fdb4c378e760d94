"""Memory of processes over time, and whether it is flat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.servers.postgres import LocalPostgres, Postgres
from tests.servers.rabbitmq import LocalRabbitMQ, RabbitMQ

MIB = 1 << 20
GROWTH = 1.2
SLACK_MIB = 16.0
WARM_UP = 0.25
"""The share of a run in which a process may still fill what it keeps: caches, pools, arenas."""


class Judged(NamedTuple):
    """MiB: the highest of the first and of the last third after the warm-up, of the whole run, and the bound."""

    name: str
    first: float
    last: float
    peak: float
    bound: float

    @property
    def is_flat(self) -> bool:
        """The last third's maximum is at most 20 % and 16 MiB above the first third's, and the run's at most the
        bound."""
        return self.last <= self.first * GROWTH + SLACK_MIB and self.peak <= self.bound


def judge(name: str, samples: Sequence[float], bound: float) -> Judged:
    """`samples`: MiB, evenly spaced, at least 12 of them; `bound`: MiB."""
    assert len(samples) >= 12, f"{name} was looked at {len(samples)} times"
    warm = samples[int(len(samples) * WARM_UP) :]
    third = len(warm) // 3
    return Judged(name, max(warm[:third]), max(warm[-third:]), max(samples), bound)


def descendants(pid: int) -> list[int]:
    """`pid` and all that it has started, as /proc says it now."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # it has ended meanwhile
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def root(server: RabbitMQ | Postgres) -> int:
    """The process of a server of our own under which all of it runs, in a container or not."""
    if server.pids:
        return server.pids[0]
    assert isinstance(server, LocalRabbitMQ | LocalPostgres)
    return server.process.pid


def mib(pid: int) -> float:
    """What a process holds, pages shared with others in proportion (PSS); 0 where it has ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Memory:
    """`groups`: a name, and the process at the root of what counts for it. `samples`: MiB, one each second."""

    def __init__(self, groups: Iterable[tuple[str, Callable[[], int]]]) -> None:
        self._groups = dict(groups)
        self.samples: dict[str, list[float]] = {name: [] for name in self._groups}

    async def watch(self) -> None:
        """Until cancelled."""
        due = time.monotonic()
        while True:
            sample = await asyncio.to_thread(self._look)
            for name, held in sample.items():
                self.samples[name].append(held)
            due += 1.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _look(self) -> dict[str, float]:
        return {name: sum(map(mib, descendants(pid()))) for name, pid in self._groups.items()}
