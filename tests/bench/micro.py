"""The micro-benchmarks of the hot path (test_hot_path.py), run by pytest-benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.figures import number, table
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import ROOT


def measure(effort: Effort) -> Data:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "micro.json"
        command = [sys.executable, "-m", "pytest", "tests/bench", "--benchmark-enable", "-q", "--no-header"]
        command += ["--benchmark-columns=min,median,ops", f"--benchmark-json={written}"]
        if effort.small:
            command += ["--benchmark-max-time=0.05", "--benchmark-min-rounds=2"]
        # pytest-benchmark asks git for the state of the tree; nothing of that is kept.
        if subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_COLOR": "1"}).returncode:
            raise SystemExit("The micro-benchmarks failed; why stands above.")
        return {"servers": {}, "benchmarks": condensed(json.loads(written.read_text()))}


def condensed(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Of pytest-benchmark's report what is told, in µs; the rest describes the machine that it ran on."""
    return [
        {
            "name": each["name"].removeprefix("test_").replace("_", " "),
            "median_us": each["stats"]["median"] * 1e6,
            "min_us": each["stats"]["min"] * 1e6,
            "rounds": each["stats"]["rounds"],
        }
        for each in report["benchmarks"]
    ]


def tell(data: Data) -> list[str]:
    rows = [
        [each["name"], number(each["median_us"]), number(each["min_us"]), number(1e6 / each["median_us"])]
        for each in data["benchmarks"]
    ]
    return table(["on one core", "median µs", "least µs", "a second"], rows)


SECTION = Section("micro", "The hot path, piece by piece", "make bench-micro", measure, tell)
