"""Drives a running system with the yardstick's load generator (peers/generator.py) and accounts what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from tests.bench.figures import scaled
from tests.bench.processes import Watch
from tests.bench.serving import ROOT, Serving

PATIENCE_S = 180


class LoadFailed(Exception):
    """The load generator ended without figures, or something got lost; then there is nothing to write down."""


def generate(*arguments: str, seconds: float) -> tuple[dict[str, Any], float]:
    """What the generator prints, and the monotonic second at which it did. Raises `LoadFailed`, also where a message is
    missing or refused: a connection that ends or an error costs deliveries or time that the figures would hide."""
    command = [sys.executable, "-u", "-m", "tests.bench.peers.generator", "--seconds", str(seconds), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        end = time.monotonic()
        rest, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    try:
        got: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        raise LoadFailed(f"{' '.join(arguments)}: {(errors or line + rest)[-800:]}") from None
    if got["missing"] or got["closed"] or got.get("errors"):
        raise LoadFailed(f"{' '.join(arguments)}: {json.dumps(got)}")
    return got, end


def homin(system: Serving) -> list[str]:
    """The generator's arguments that name this system."""
    pids = ",".join(map(str, system.pids))
    return ["--protocol", "homin", "--url", ",".join(system.urls), "--tokens", system.tokens, "--pids", pids]


def load(system: Serving, *arguments: str, seconds: float) -> dict[str, Any]:
    """Drives `system` and gives what the generator prints, with two more figures for each part of the system: `cpu_us`
    a delivery, and `busy`, in cores. Raises `LoadFailed`."""
    with Watch(system.parts) as watch:
        got, end = generate(*homin(system), *arguments, seconds=seconds)
    # The generator prints when the last delivery is in, and knows what all this has cost; the samples say who spent it.
    spent = watch.cpu_between(end - seconds, end)
    return got | {
        "cpu_us": scaled(spent, got["cpu_us_per_delivery"]),
        "busy": {name: cpu_s / seconds for name, cpu_s in spent.items()},
    }
