"""RESULTS.md: one section for each JSON file in results/, so that any one can be measured again without the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.section import Data, Section

INTRODUCTION = """# What was measured

Written by `make bench`, `make bench-micro` and `make bench-curves` from the files in `results/`: nothing here is typed
by hand, but for what was tried. Machines are noisy: ratios of one run say more than rates, and CPU a delivery more
than deliveries a second. Load generator and servers share the same cores.
"""
TRIED = "tried.md"  # prose of ours, set behind the table of what costs how much
BEFORE_TRIED = "parts"
TRIAL = "**A trial with small numbers, to see that it works: these figures say nothing.**"


def write(folder: Path, sections: Sequence[Section]) -> None:
    """`folder`/RESULTS.md anew from `folder`/results."""
    found = {s.name: json.loads(path.read_text()) for s in sections if (path := data_file(folder, s)).is_file()}
    tried = folder / "results" / TRIED
    text = compose(found, sections, tried.read_text() if tried.is_file() else "")
    (folder / "RESULTS.md").write_text(text)


def save(folder: Path, section: Section, data: Data, provenance: Mapping[str, Any]) -> None:
    (folder / "results").mkdir(parents=True, exist_ok=True)
    kept = json.dumps({"measured": provenance, **data}, indent=1, ensure_ascii=False)
    data_file(folder, section).write_text(kept + "\n")


def draw(folder: Path, section: Section) -> None:
    """The plot of what is in the section's file, where it has one."""
    if section.plot is not None and data_file(folder, section).is_file():
        section.plot(json.loads(data_file(folder, section).read_text()), folder / "results" / f"{section.name}.png")


def data_file(folder: Path, section: Section) -> Path:
    return folder / "results" / f"{section.name}.json"


def compose(found: Mapping[str, Data], sections: Sequence[Section], tried: str) -> str:
    """The whole text. What was measured on a machine or with versions other than the first section's says so."""
    lines = [*INTRODUCTION.splitlines(), ""]
    first: Mapping[str, Any] | None = None
    for section in sections:
        if section.name in found:
            data = found[section.name]
            measured = data["measured"]
            lines += [f"## {section.title}", "", *([TRIAL, ""] if data.get("small") else []), *section.tell(data)]
            if section.plot is not None:
                lines += [f"![{section.title}](results/{section.name}.png)", ""]
            lines += [origin(measured, first), ""]
            first = first or measured
        if section.name == BEFORE_TRIED and tried:
            lines += [*tried.strip().splitlines(), ""]
    return "\n".join(lines).rstrip() + "\n"


def origin(measured: Mapping[str, Any], first: Mapping[str, Any] | None) -> str:
    """When, of what and on what; in full for the `first` of all, else only where it differs."""
    said = f"{measured['date']}, commit {measured['commit']}: `{measured['command']}`."
    if first is None or first["machine"] != measured["machine"]:
        m = measured["machine"]
        said += f" {m['cores']} cores of {m['cpu']}, {m['memory_gib']} GiB, Linux {m['kernel']}, {m['system']}."
    known = first["versions"] if first else {}
    others = [f"{name} {version}" for name, version in measured["versions"].items() if known.get(name) != version]
    return f"<sub>{said}{' ' if others else ''}{', '.join(others)}{'.' if others else ''}</sub>"
