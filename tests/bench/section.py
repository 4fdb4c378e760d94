"""A section of RESULTS.md: how it is measured, and how its figures become text and plots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Data = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How much to measure. `seconds`: of each point. `rounds`: each point so often, the median counts. `minutes`: of
    steady load. `small`: few connections and rows, to see that everything works; its figures mean nothing. `base`: an
    earlier commit to measure beside this one."""

    seconds: float = 5.0
    rounds: int = 2
    minutes: float = 30.0
    small: bool = False
    base: str | None = None


@dataclass(frozen=True)
class Section:
    """`measure` gives the data, the versions of the servers under `servers`. `tell` makes the Markdown of it, without
    the heading; `plot` draws it into a file. Both see the data and nothing else."""

    name: str
    title: str
    command: str
    measure: Callable[[Effort], Data]
    tell: Callable[[Data], list[str]]
    plot: Callable[[Data, Path], None] | None = None
