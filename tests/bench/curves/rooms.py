"""Deliveries a second and their CPU against the size of a room."""

from __future__ import annotations

from pathlib import Path

from tests.bench import plots
from tests.bench.figures import by_kind, listed, medians, notable, number, table
from tests.bench.load import load
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import serving

SIZES = (2, 10, 50, 200, 1_000, 5_000)
CONNECTIONS = 1_000


def work(members: int, connections: int) -> dict[str, int]:
    """So many rooms that the connections stay the same, and as many messages in flight in each as in the comparison."""
    return {
        "members": members,
        "rooms": max(1, connections // members),
        "in_flight": 8 if members < 1_000 else 4,
    }


def measure(effort: Effort) -> Data:
    points, versions = [], {}
    for members in (2, 10, 50) if effort.small else SIZES:
        size = work(members, 100 if effort.small else CONNECTIONS)
        # Anew for each: members stay in their rooms when a connection closes.
        with serving(users=max(CONNECTIONS, members)) as system:
            runs = []
            for _ in range(effort.rounds):
                got = load(
                    system, "--rooms", str(size["rooms"]), "--members", str(members),
                    "--window", str(size["in_flight"]), seconds=effort.seconds,
                )  # fmt: skip
                cpu = {f"cpu {kind}": us for kind, us in by_kind(got["cpu_us"]).items()}
                runs.append({"per_s": got["deliveries_per_s"], "p50_ms": got["latency_ms"]["p50"], **cpu})
            versions = system.versions
        mid = medians(runs)
        cpu_us = {name.removeprefix("cpu "): us for name, us in mid.items() if name.startswith("cpu ")}
        points.append({**size, "deliveries_per_s": mid["per_s"], "p50_ms": mid["p50_ms"], "cpu_us": cpu_us})
    return {"servers": versions, "points": points}


def tell(data: Data) -> list[str]:
    points = data["points"]
    rows = [
        [
            f"{p['rooms']:,} × {p['members']:,}, {p['in_flight']} in flight", number(p["deliveries_per_s"]),
            number(sum(p["cpu_us"].values())), number(p["p50_ms"]),
        ]
        for p in points
    ]  # fmt: skip
    return [*table(["rooms × members", "deliveries/s", "CPU µs a delivery", "p50 ms"], rows), sentence(data), ""]


def sentence(data: Data) -> str:
    first, last = data["points"][0], data["points"][-1]
    best = max(data["points"], key=lambda p: p["deliveries_per_s"])
    dear, cheap = sum(first["cpu_us"].values()), sum(last["cpu_us"].values())
    upstream = [kind for kind in notable([first["cpu_us"], last["cpu_us"]]) if kind != "gateways"]
    before = sum(first["cpu_us"][kind] for kind in upstream)
    after = sum(last["cpu_us"][kind] for kind in upstream)
    return (
        f"From {first['members']:,} to {last['members']:,} members a delivery's CPU goes from {number(dear)} to "
        f"{number(cheap)} µs, its share behind the gateways ({listed(upstream)}) from {number(before)} to "
        f"{number(after)} µs. Most is delivered in rooms of {best['members']:,}: {number(best['deliveries_per_s'])}/s."
    )


def plot(data: Data, path: Path) -> None:
    points = data["points"]
    sizes = [p["members"] for p in points]
    with plots.figure(path, 2) as (rate, cost):
        plots.curve(
            rate, sizes, {"": [p["deliveries_per_s"] for p in points]}, "members of a room", "deliveries/s", "x"
        )
        lines = {kind: [p["cpu_us"][kind] for p in points] for kind in notable([p["cpu_us"] for p in points])}
        whole = {"together": [sum(p["cpu_us"].values()) for p in points]}
        plots.curve(cost, sizes, whole | lines, "members of a room", "CPU µs a delivery", "xy")


SECTION = Section(
    "rooms",
    "Against the size of a room",
    "make bench-curves ONLY=rooms SECONDS={seconds:g} ROUNDS={rounds}",
    measure,
    tell,
    plot,
)
