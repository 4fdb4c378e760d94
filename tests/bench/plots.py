"""Plots as PNG files, all of one look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COLOURS = ("#1f6f8b", "#d1603d", "#5b8c3a", "#8a5a9e", "#b8892b", "#5c6672", "#c04b7a")


@contextmanager
def figure(path: Path, panels: int = 1) -> Iterator[list[Any]]:
    """The axes of so many plots side by side; written to `path` at the end of the block."""
    from matplotlib.figure import Figure  # only who draws needs it installed

    drawn = Figure(figsize=(5.2 * panels + 1.2, 3.6), dpi=110, layout="constrained")
    axes = [drawn.add_subplot(1, panels, number + 1) for number in range(panels)]
    for ax in axes:
        ax.grid(True, color="#e3e6e8", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_prop_cycle(color=COLOURS)
    yield axes
    for ax in axes:
        if len(ax.get_legend_handles_labels()[1]) > 1:
            ax.legend(frameon=False, fontsize=8)
    # Without its version and date in the file, the same figures give the same bytes.
    drawn.savefig(path, metadata={"Software": None})


def curve(
    ax: Any, xs: Sequence[float], lines: Mapping[str, Sequence[float]], x: str, y: str, logarithmic: str = ""
) -> None:
    """Lines with a mark at each measured point. `logarithmic`: the axes that are, of `xy`."""
    for name, ys in lines.items():
        ax.plot(xs, ys, marker="o", markersize=4, linewidth=1.6, label=name)
    if "x" in logarithmic:
        ax.set_xscale("log")
        ax.set_xticks(xs, [f"{value:,}" for value in xs], fontsize=8)
        ax.minorticks_off()
    if "y" in logarithmic:
        logarithmic_axis(ax, "y")
    else:
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter(plain)
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def plain(value: float, _position: int | None = None) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:g}"


def logarithmic_axis(ax: Any, which: str) -> None:
    """With 1, 2 and 5 of each decade written out: `which` is "x" or "y"."""
    from matplotlib.ticker import LogLocator, NullLocator

    ax.set(**{f"{which}scale": "log"})
    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(plain)


def stack(ax: Any, names: Sequence[str], layers: Mapping[str, Sequence[float]], y: str) -> None:
    """Bars of layers on each other."""
    below = [0.0] * len(names)
    for layer, heights in layers.items():
        ax.bar(names, heights, 0.6, bottom=below, label=layer)
        below = [b + h for b, h in zip(below, heights, strict=True)]
    middle, room = (len(names) - 1) / 2, max(len(names), 2.5) / 2
    ax.set_xlim(middle - room, middle + room)  # a single bar stays a bar
    ax.set_ylabel(y)
    ax.tick_params(axis="x", labelsize=8)
