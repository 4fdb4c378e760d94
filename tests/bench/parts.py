"""Where each microsecond of a delivery goes: CPU by process under the three loads of the comparison."""

from __future__ import annotations

from pathlib import Path

from tests.bench import plots
from tests.bench.figures import by_kind, listed, medians, notable, number, table
from tests.bench.load import load
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import serving

LOADS = {
    "100 × 10, 8 in flight": ("--rooms", "100", "--members", "10", "--window", "8"),
    "1 × 1000, 4 in flight": ("--rooms", "1", "--members", "1000", "--window", "4"),
    "100 × 10, 200 messages/s": ("--rooms", "100", "--members", "10", "--rate", "200"),
}


def measure(effort: Effort) -> Data:
    points = []
    with serving() as system:
        for name, arguments in LOADS.items():
            runs = [load(system, *arguments, seconds=effort.seconds) for _ in range(effort.rounds)]
            points.append({
                "load": name,
                "deliveries_per_s": medians([{"rate": run["deliveries_per_s"]} for run in runs])["rate"],
                "cpu_us": medians([run["cpu_us"] for run in runs]),
                "busy": medians([run["busy"] for run in runs]),
            })  # fmt: skip
    return {"servers": system.versions, "seconds": effort.seconds, "rounds": effort.rounds, "points": points}


def tell(data: Data) -> list[str]:
    points = data["points"]
    kinds = list(by_kind(points[0]["cpu_us"]))
    rows = []
    for kind in kinds:
        cells = []
        for point in points:
            cells += [number(by_kind(point["cpu_us"])[kind]), f"{by_kind(point['busy'])[kind]:.0%}"]
        rows.append([kind, *cells])
    sums = []
    for point in points:
        sums += [number(sum(point["cpu_us"].values())), f"{sum(point['busy'].values()):.0%}"]
    rows.append(["together", *sums])
    head = [cell for point in points for cell in (f"{point['load']}: µs", "of a core")]
    return [*table(["CPU a delivery", *head], rows), sentence(points[0]), ""]


def sentence(point: Data) -> str:
    costs = by_kind(point["cpu_us"])
    dearest = sorted(costs, key=lambda kind: -costs[kind])
    whole = sum(costs.values())
    shares = [f"{kind} {costs[kind] / whole:.0%}" for kind in dearest if costs[kind] / whole >= 0.01]
    rate = number(point["deliveries_per_s"])
    return f"At {point['load']} ({rate} deliveries/s) a delivery costs {number(whole)} µs of CPU: {listed(shares)}."


def plot(data: Data, path: Path) -> None:
    points = data["points"]
    kinds = notable([by_kind(point["cpu_us"]) for point in points])
    with plots.figure(path, 2) as axes:
        # At a light load nothing shares a system call with its neighbours: another scale.
        for ax, shown in zip(axes, (points[:2], points[2:]), strict=True):
            layers = {kind: [by_kind(point["cpu_us"])[kind] for point in shown] for kind in kinds}
            plots.stack(ax, [point["load"] for point in shown], layers, "CPU µs a delivery")


SECTION = Section(
    "parts",
    "Where each microsecond goes",
    "make bench SECONDS={seconds:g} ROUNDS={rounds}",
    measure,
    tell,
    plot,
)
