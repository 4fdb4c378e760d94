"""Deliveries a second and their CPU against the size of a message."""

from __future__ import annotations

from pathlib import Path

from tests.bench import plots
from tests.bench.figures import medians, number, slope, table
from tests.bench.load import load
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import serving

SIZES = (50, 150, 1 << 10, 4 << 10, 16 << 10, 64 << 10)
IN_FLIGHT_BYTES = 64 << 10  # of a room: larger bodies would otherwise measure only how long they queue
SETTINGS = {"HOMIN_TEXT_CHARS": str(70_000)}


def in_flight(body: int) -> int:
    """Messages of a room under way at once: the comparison's 8, fewer where they are large."""
    return max(1, min(8, IN_FLIGHT_BYTES // body))


def measure(effort: Effort) -> Data:
    points, versions = [], dict[str, str]()
    rooms = 10 if effort.small else 100
    for body in SIZES:
        runs = []
        for _ in range(effort.rounds):
            # Anew for each: who joins a room is sent its last 50 messages, and these would be the run's before.
            with serving(settings=SETTINGS) as system:
                versions = system.versions
                got = load(
                    system, "--rooms", str(rooms), "--members", "10", "--window", str(in_flight(body)),
                    "--body", str(body), seconds=effort.seconds,
                )  # fmt: skip
            figures = {"deliveries_per_s": got["deliveries_per_s"], "cpu_us": got["cpu_us_per_delivery"]}
            runs.append({**figures, "p50_ms": got["latency_ms"]["p50"]})
        points.append({"body": body, "in_flight": in_flight(body), **medians(runs)})
    return {"servers": versions, "rooms": rooms, "points": points}


def mib_per_s(point: Data) -> float:
    """Text alone, delivered."""
    return float(point["deliveries_per_s"] * point["body"] / (1 << 20))


def tell(data: Data) -> list[str]:
    rows = [
        [f"{p['body']:,} B, {p['in_flight']} in flight", number(p["deliveries_per_s"]), number(mib_per_s(p)),
         number(p["cpu_us"]), number(p["p50_ms"])]
        for p in data["points"]
    ]  # fmt: skip
    head = ["text", "deliveries/s", "MiB/s", "CPU µs a delivery", "p50 ms"]
    return [f"{data['rooms']} rooms of 10 members.", "", *table(head, rows), sentence(data), ""]


def sentence(data: Data) -> str:
    points = data["points"]
    each_kib = slope([p["body"] / 1024 for p in points], [p["cpu_us"] for p in points])
    first, widest = points[0], max(points, key=mib_per_s)
    return (
        f"A delivery of {first['body']} B costs {number(first['cpu_us'])} µs, and each further KiB of text some "
        f"{number(each_kib)} µs (least squares). Most bytes pass at {widest['body']:,} B: {number(mib_per_s(widest))} "
        "MiB/s of text."
    )


def plot(data: Data, path: Path) -> None:
    points = data["points"]
    sizes = [p["body"] for p in points]
    with plots.figure(path, 2) as (rate, cost):
        plots.curve(rate, sizes, {"": [p["deliveries_per_s"] for p in points]}, "bytes of text", "deliveries/s", "xy")
        plots.curve(cost, sizes, {"": [p["cpu_us"] for p in points]}, "bytes of text", "CPU µs a delivery", "xy")


SECTION = Section(
    "bodies",
    "Against the size of a message",
    "make bench-curves ONLY=bodies SECONDS={seconds:g} ROUNDS={rounds}",
    measure,
    tell,
    plot,
)
