"""The yardstick beside the checkout (`YARDSTICK`, by default ../shared/bench): where it is, and its load generator."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.bench.figures import scaled
from tests.bench.processes import Watch
from tests.bench.serving import ROOT, Serving

YARDSTICK = Path(os.environ.get("YARDSTICK") or ROOT.parent / "shared" / "bench").resolve()
PEERS = Path(os.environ.get("PEERS", "/tmp/chat-peers"))  # where setup-peers.sh puts what it installs, unless told
PYTHON = PEERS / "venv" / "bin" / "python"


class LoadFailed(Exception):
    """The load generator ended without figures, or something got lost; then there is nothing to write down."""


def set_up() -> None:
    """Installs what load.py and the peers run on, and starts a Redis where there is none."""
    if not (YARDSTICK / "compare.py").is_file():
        raise SystemExit(f"There is no yardstick in {YARDSTICK}. Say where it is: make bench YARDSTICK=folder")
    if subprocess.run([str(YARDSTICK / "setup-peers.sh")], stdout=subprocess.DEVNULL).returncode:
        raise SystemExit("The yardstick's setup-peers.sh failed; why stands above.")


def load(system: Serving, *arguments: str, seconds: float) -> dict[str, Any]:
    """Drives `system` with load.py and gives what it prints, with two more figures for each part of the system:
    `cpu_us` a delivery, and `busy`, in cores. Raises `LoadFailed`, also where a message is missing or refused."""
    if not PYTHON.is_file():
        set_up()
    command = [
        str(PYTHON), "-u", str(YARDSTICK / "load.py"), "--protocol", "v1", "--url", ",".join(system.urls),
        "--tokens", system.tokens, "--pids", ",".join(map(str, system.pids)), "--seconds", str(seconds), *arguments,
    ]  # fmt: skip
    with Watch(system.parts) as watch:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        end = time.monotonic()
        rest, errors = process.communicate()
    try:
        got: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        raise LoadFailed(f"{' '.join(arguments)}: {(errors or line + rest)[-800:]}") from None
    # A connection that ends or an error costs deliveries or time that the figures would hide.
    if got["missing"] or got["closed"] or got.get("errors"):
        raise LoadFailed(f"{' '.join(arguments)}: {json.dumps(got)}")
    # load.py prints when the last delivery is in, and knows what all this has cost; the samples say who has spent it.
    spent = watch.cpu_between(end - seconds, end)
    return got | {
        "cpu_us": scaled(spent, got["cpu_us_per_delivery"]),
        "busy": {name: cpu_s / seconds for name, cpu_s in spent.items()},
    }
