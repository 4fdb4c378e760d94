"""The comparison: this project and its peers on the same work in one run, and the goals of issue 5."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.base import checkout
from tests.bench.figures import number, table
from tests.bench.load import generate, homin
from tests.bench.machine import versions_of_peers
from tests.bench.peers.servers import peers
from tests.bench.peers.systems import PEERS
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import serving

NAMES = {"ours": "Homin, stored in PostgreSQL", **{name: peer.title for name, peer in PEERS.items()}}
FIGURES: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "deliveries/s": lambda run: run["deliveries_per_s"],
    "CPU µs a delivery": lambda run: run["cpu_us_per_delivery"],
    "p50 ms": lambda run: run["latency_ms"]["p50"],
    "p99 ms": lambda run: run["latency_ms"]["p99"],
    "KiB a connection": lambda run: run["kib_per_connection"],
    "missing": lambda run: run["missing"],
}
SMALL, BIG, LIGHT = "small rooms", "one big room", "light load"
SCENARIOS = {
    f"{SMALL}, 100x10, 8 in flight": ("--rooms", "100", "--members", "10", "--window", "8"),
    f"{BIG}, 1000 members, 4 in flight": ("--rooms", "1", "--members", "1000", "--window", "4"),
    f"{LIGHT}, 100x10, 200 messages/s": ("--rooms", "100", "--members", "10", "--rate", "200"),
}


@dataclass(frozen=True)
class Goal:
    """`bound`: of the figure itself, or, where `against` names a peer, of the ratio to it."""

    what: str
    scenario: str
    figure: str
    bound: float
    against: str | None = None
    at_least: bool = False

    def value(self, runs: Runs) -> float:
        ours = median(runs, self.scenario, "ours", self.figure)
        return ours / median(runs, self.scenario, self.against, self.figure) if self.against else ours

    def is_met(self, runs: Runs) -> bool:
        value = self.value(runs)
        return value >= self.bound if self.at_least else value <= self.bound


GOALS = [
    Goal("100 rooms × 10, 8 in flight: deliveries/s", SMALL, "deliveries/s", 1.2, "seed", at_least=True),
    Goal("… CPU µs a delivery, all processes", SMALL, "CPU µs a delivery", 1.0, "seed"),
    Goal("1 room × 1000, 4 in flight: deliveries/s", BIG, "deliveries/s", 1.5, "socketio", at_least=True),
    Goal("… CPU µs a delivery", BIG, "CPU µs a delivery", 0.6, "socketio"),
    Goal("200 messages/s: p50 ms, committed before seen", LIGHT, "p50 ms", 3),
    Goal("… p99 ms", LIGHT, "p99 ms", 8),
    # Later scenarios of a round take memory that earlier ones have left free; only the first shows what a connection
    # costs.
    Goal("idle memory a connection, KiB, all processes", SMALL, "KiB a connection", 6),
]
Runs = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
"""Scenario → system → what the load generator printed in each round."""


def median(runs: Runs, scenario: str, system: str, figure: str) -> float:
    title = next(title for title in runs if title.startswith(scenario))
    return statistics.median(FIGURES[figure](run) for run in runs[title][system])


@contextmanager
def homin_running(root: Path | None = None) -> Iterator[list[str]]:
    with serving(root=root) as system:
        yield homin(system)


def measure(effort: Effort) -> Data:
    """Rounds interleave the systems, so that a machine that drifts hurts all alike, and each begins with another one:
    who came first in every round was measured a sixth dearer than itself."""
    runs: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    with ExitStack() as around:
        systems: dict[str, Callable[[], AbstractContextManager[list[str]]]] = {"ours": homin_running}
        if effort.base is not None:
            root = around.enter_context(checkout(effort.base))
            systems[base_name(effort.base)] = lambda: homin_running(root)
        servers = around.enter_context(peers())
        systems |= {name: peer.running for name, peer in PEERS.items()}
        for turn in range(effort.rounds):
            names = list(systems)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                with systems[name]() as address:
                    for title, scenario in SCENARIOS.items():
                        got, _ = generate(*address, *scenario, seconds=effort.seconds)
                        print(name, title, json.dumps(got), file=sys.stderr, flush=True)
                        runs.setdefault(title, {}).setdefault(name, []).append(got)
    versions = versions_of_peers() | servers
    return {"servers": versions, "seconds": effort.seconds, "rounds": effort.rounds, "base": effort.base, "runs": runs}


def base_name(commit: str) -> str:
    return f"base {commit}"


def title_of(system: str) -> str:
    """What a reader calls it."""
    return NAMES.get(system) or f"Homin at {system.removeprefix('base ')}"


def goals(runs: Runs) -> list[str]:
    """The table of the issue with this run's figures."""
    rows = []
    for goal in GOALS:
        cells = [number(median(runs, goal.scenario, system, goal.figure)) for system in NAMES]
        sign = "≥" if goal.at_least else "≤"
        if goal.against:
            short = {"seed": "the first design", "socketio": "Socket.IO"}[goal.against]
            wanted = f"{sign} {number(goal.bound)} × {short}; is {number(goal.value(runs))} ×"
        else:
            wanted = f"{sign} {goal.bound:g}"
        rows.append([goal.what, *cells, wanted, "**met**" if goal.is_met(runs) else "**not met**"])
    return table(["", *NAMES.values(), "goal", ""], rows)


def verdict(runs: Runs) -> str:
    met = [goal for goal in GOALS if goal.is_met(runs)]
    lost = sum(FIGURES["missing"](run) for systems in runs.values() for run in systems["ours"])
    kept = "No delivery of Homin's is missing." if not lost else f"**Missing deliveries of Homin: {lost:,.0f}.**"
    return f"{len(met)} of {len(GOALS)} goals are met in this run. {kept}"


def tell(data: Data) -> list[str]:
    runs: Runs = data["runs"]
    lines = [
        f"The systems took turns, {data['seconds']:g} s with each load; each figure is the median over rounds, of "
        f"which there were {data['rounds']}. CPU is that of all server processes, broker and database included.",
        "",
        *goals(runs),
        verdict(runs),
        "",
    ]
    for title, systems in runs.items():
        rows = [[title_of(name), *(number(median(runs, title, name, f)) for f in FIGURES)] for name in systems]
        for peer in [name for name in systems if name != "ours"]:
            rows.append([f"Homin / {title_of(peer)}", *(ratio(runs, title, peer, figure) for figure in FIGURES)])
        lines += [f"**{title}**", "", *table(["", *FIGURES], rows)]
    return lines


def ratio(runs: Runs, scenario: str, peer: str, figure: str) -> str:
    theirs = median(runs, scenario, peer, figure)
    return f"{number(median(runs, scenario, 'ours', figure) / theirs)} ×" if theirs > 0 else ""


SECTION = Section("compare", "Side by side", "make bench SECONDS={seconds:g} ROUNDS={rounds}", measure, tell)
