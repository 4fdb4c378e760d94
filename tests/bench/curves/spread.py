"""CPU a delivery with more gateways, and with more routers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench import plots
from tests.bench.figures import by_kind, medians, notable, number, table
from tests.bench.load import load
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import serving

SHAPES = ((1, 1), (2, 1), (3, 1), (2, 2), (2, 3))
"""(gateways, routers)."""
LOAD = ("--members", "10", "--window", "8")


def measure(effort: Effort) -> Data:
    points: list[dict[str, Any]] = []
    versions: dict[str, str] = {}
    for gateways, routers in ((1, 1), (2, 2)) if effort.small else SHAPES:
        with serving(gateways=gateways, routers=routers) as system:
            runs = [
                load(system, "--rooms", "10" if effort.small else "100", *LOAD, seconds=effort.seconds)
                for _ in range(effort.rounds)
            ]
            versions = system.versions
        rate = medians([{"": run["deliveries_per_s"]} for run in runs])[""]
        parts = medians([run["cpu_us"] for run in runs])
        points.append({"gateways": gateways, "routers": routers, "deliveries_per_s": rate, "cpu_us": parts})
    return {"servers": versions, "points": points}


def shape(point: Data) -> str:
    return f"{point['gateways']} + {point['routers']}"


def working_routers(point: Data) -> int:
    """Those that do at least a twentieth of the routers' work: on RabbitMQ 3 one router holds all shards."""
    costs = [us for part, us in point["cpu_us"].items() if part.startswith("router-")]
    return sum(us >= sum(costs) / 20 for us in costs)


def tell(data: Data) -> list[str]:
    points = data["points"]
    kinds = list(by_kind(points[0]["cpu_us"]))
    rows = []
    for point in points:
        costs = by_kind(point["cpu_us"])
        cells = [number(costs[kind]) for kind in kinds]
        rows.append([shape(point), number(point["deliveries_per_s"]), number(sum(costs.values())), *cells])
    head = ["gateways + routers", "deliveries/s", "CPU µs a delivery", *kinds]
    return [*table(head, rows), sentence(data), ""]


def sentence(data: Data) -> str:
    by_shape = {(p["gateways"], p["routers"]): p for p in data["points"]}
    said = []
    for position, kind in enumerate(("gateways", "routers")):
        row = [s for s in by_shape if s[1 - position] == (1 if kind == "gateways" else 2)]
        few, many = min(row), max(row)
        if few != many:
            before, after = (number(sum(by_shape[s]["cpu_us"].values())) for s in (few, many))
            said.append(f"From {few[position]} to {many[position]} {kind} a delivery goes from {before} to {after} µs.")
    last = data["points"][-1]
    said.append(f"With {last['routers']} routers, {working_routers(last)} had work to do.")
    return " ".join(said)


def plot(data: Data, path: Path) -> None:
    costs = [by_kind(p["cpu_us"]) for p in data["points"]]
    with plots.figure(path) as (ax,):
        layers = {kind: [cost[kind] for cost in costs] for kind in notable(costs)}
        plots.stack(ax, [shape(p) for p in data["points"]], layers, "CPU µs a delivery")
        ax.set_xlabel("gateways + routers")


SECTION = Section(
    "spread",
    "More gateways, more routers",
    "make bench-curves ONLY=spread SECONDS={seconds:g} ROUNDS={rounds}",
    measure,
    tell,
    plot,
)
