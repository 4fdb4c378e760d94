"""The curves, in the order in which RESULTS.md shows them."""

from __future__ import annotations

from tests.bench.curves import bodies, compression, history, idle, rooms, spread, steady
from tests.bench.section import Section

CURVES: tuple[Section, ...] = (
    rooms.SECTION, bodies.SECTION, spread.SECTION, idle.SECTION, history.SECTION, steady.SECTION, compression.SECTION,
)  # fmt: skip
