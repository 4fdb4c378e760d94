"""Arithmetic and sentences on measured figures. Pure: what RESULTS.md says is computed here and in the sections."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence


def number(value: float) -> str:
    """Three significant digits or so, as people read them: 105,312 · 17.9 · 0.71."""
    size = abs(value)
    if math.isnan(value) or value == 0:
        return "0" if value == 0 else "–"
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; all columns but the first are figures, so they stand to the right."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}", *lines, ""]


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def percentile(values: Sequence[float], q: float) -> float:
    """The value below which the share `q` of all lies (nearest rank). `values`: at least one, in any order."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(q * len(ordered)) - 1 if q > 0 else 0)]


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The rise of y for each unit of x, by least squares; 0 where there are no two different x."""
    if len(set(xs)) < 2:
        return 0.0
    return statistics.linear_regression(xs, ys).slope


def at(times: Sequence[float], values: Sequence[float], moment: float) -> float:
    """What a series that grows between its samples was at `moment` (linear between them, level beyond the ends)."""
    if moment <= times[0]:
        return values[0]
    for (t0, v0), (t1, v1) in zip(
        zip(times, values, strict=True), zip(times[1:], values[1:], strict=True), strict=False
    ):
        if moment <= t1:
            return v0 + (v1 - v0) * (moment - t0) / (t1 - t0)
    return values[-1]


def growth(times: Sequence[float], series: Mapping[str, Sequence[float]], start: float, end: float) -> dict[str, float]:
    """By how much each series rose between two moments."""
    return {name: at(times, values, end) - at(times, values, start) for name, values in series.items()}


def kind_of(part: str) -> str:
    """`gateway-2` → `gateways`: processes of one kind are told together."""
    kind, _, instance = part.rpartition("-")
    return f"{kind}s" if kind and instance.isdigit() and kind != "accounts" else kind or part


def by_kind(parts: Mapping[str, float]) -> dict[str, float]:
    """Sums over processes of one kind, in the order in which the kinds come."""
    sums: dict[str, float] = {}
    for part, value in parts.items():
        sums[kind_of(part)] = sums.get(kind_of(part), 0.0) + value
    return sums


def notable(costs: Sequence[Mapping[str, float]]) -> list[str]:
    """The names that have a share of at least 1 % somewhere: the others are noise, or not on the way."""
    return [name for name in costs[0] if any(cost[name] >= 0.01 * sum(cost.values()) for cost in costs)]


def scaled(parts: Mapping[str, float], total: float) -> dict[str, float]:
    """The same proportions, adding up to `total`."""
    whole = sum(parts.values())
    return {name: value / whole * total if whole else 0.0 for name, value in parts.items()}


def medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each figure over runs that all have it."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
