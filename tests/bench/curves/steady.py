"""Memory of each process over a long steady load: it must be flat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.bench import plots
from tests.bench.figures import listed, number, slope, table
from tests.bench.load import load
from tests.bench.processes import Watch
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import serving

EVERY_S = 10.0
RATE = 400  # messages a second, each to ten members: so many that caches are full long before the end
WARM = 0.2  # the part of the time in which caches fill; what grows after it grows for ever
FLAT = 0.03  # growth over the rest of the time, as a share of the mean, that sampling alone can bring about


def measure(effort: Effort) -> Data:
    seconds = effort.minutes * 60
    every_s = max(0.5, min(EVERY_S, seconds / 20))
    with serving() as system:
        with Watch(system.parts, every_s) as watch:
            got = load(
                system, "--rooms", "100", "--members", "10", "--rate", "50" if effort.small else str(RATE),
                "--sample", "97", seconds=seconds,
            )  # fmt: skip
        began = watch.times[0]
        return {
            "servers": system.versions, "minutes": effort.minutes, "rate": got["mode"], "sent": got["sent"],
            "latency_ms": got["latency_ms"], "cpu_us": got["cpu_us_per_delivery"], "every_s": every_s,
            "times_s": [round(moment - began, 1) for moment in watch.times],
            "own": {name: [sample[name].own for sample in watch.samples] for name in system.parts},
        }  # fmt: skip


def warmed(data: Data, name: str) -> tuple[Sequence[float], Sequence[float]]:
    """Minutes and MiB of one process, without the first part and without what follows the load."""
    times, values = data["times_s"], data["own"][name]
    first, last = WARM * times[-1], times[-1] - data["every_s"]
    kept = [(t / 60, v / (1 << 20)) for t, v in zip(times, values, strict=True) if first <= t <= last]
    return [t for t, _ in kept], [v for _, v in kept]


def growth_of(data: Data, name: str) -> tuple[float, float]:
    """(KiB a minute by least squares, growth over the span as a share of the mean)."""
    minutes, mib = warmed(data, name)
    each_minute = slope(minutes, mib)
    return each_minute * 1024, each_minute * (minutes[-1] - minutes[0]) / (sum(mib) / len(mib))


def tell(data: Data) -> list[str]:
    rows = []
    for name, values in data["own"].items():
        kib_a_minute, share = growth_of(data, name)
        _, mib = warmed(data, name)
        first, peak = values[0] / (1 << 20), max(values) / (1 << 20)
        memory = (first, sum(mib) / len(mib), peak)
        rows.append([name, *map(number, memory), f"{kib_a_minute:+.1f}", f"{share:+.1%}"])
    head = ["anonymous memory", "at first MiB", "mean MiB", "most MiB", "KiB a minute", "over the span"]
    about = (
        f"{data['sent']:,} messages in {data['minutes']:g} minutes ({data['rate']}, 100 rooms × 10), a sample each "
        f"{data['every_s']:g} s; means and slopes without the first {WARM:.0%}, in which caches fill. p50 "
        f"{number(data['latency_ms']['p50'])} ms, p99 {number(data['latency_ms']['p99'])} ms."
    )
    return [about, "", *table(head, rows), sentence(data), ""]


def sentence(data: Data) -> str:
    growing = {name: share for name in data["own"] if (share := growth_of(data, name)[1]) > FLAT}
    if not growing:
        return f"Every process is flat: none grew by more than {FLAT:.0%} of its mean."
    named = listed([f"{name} ({share:+.1%})" for name, share in growing.items()])
    flat = [name for name in data["own"] if name not in growing]
    return f"**Not flat** (more than {FLAT:.0%} of the mean): {named}. Flat: {listed(flat) or 'none'}."


def plot(data: Data, path: Path) -> None:
    minutes = [t / 60 for t in data["times_s"]]
    with plots.figure(path) as (ax,):
        for name, values in data["own"].items():
            ax.plot(minutes, [v / (1 << 20) for v in values], linewidth=1.4, label=name)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("minutes of steady load")
        ax.set_ylabel("anonymous memory, MiB")


SECTION = Section(
    "steady", "Memory over time", "make bench-curves ONLY=steady MINUTES={minutes:g}", measure, tell, plot
)
