"""Where and of what a figure was measured: without it a figure says nothing."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.peers.systems import path_of_package
from tests.bench.serving import ROOT

PACKAGES = ("websockets", "uvloop", "uvicorn", "aio-pika", "asyncpg", "pydantic", "SQLAlchemy")


def machine() -> dict[str, Any]:
    """`memory_gib`: of the machine; a container may have been given less."""
    cpu = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    system = dict(line.split("=", 1) for line in _lines("/etc/os-release") if "=" in line)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu[0] if cpu else platform.machine(),
        "memory_gib": round(memory / (1 << 20)),
        "kernel": platform.release(),
        "system": system.get("PRETTY_NAME", platform.system()).strip('"'),
    }


def versions() -> dict[str, str]:
    """Of what Homin itself runs on."""
    return {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def versions_of_peers() -> dict[str, str]:
    """Of what the peers and the load generator run on."""
    found = {"Node": _said("node", "--version").lstrip("v")}
    for name in ("ws", "socket.io"):
        found[name] = json.loads(path_of_package(name).read_text())["version"]
    return found | {name: version(name) for name in ("python-socketio", "picows")}


def provenance(command: str, servers: dict[str, str]) -> dict[str, Any]:
    """`command`: what measures it again. `servers`: their versions, as they said themselves."""
    changed = _said("git", "status", "--porcelain", "--untracked-files=no", "--", "services", "shared")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
        "commit": _said("git", "rev-parse", "--short", "HEAD") + (" with changes" if changed else ""),
        "machine": machine(),
        "versions": versions() | servers,
    }


def _lines(path: str) -> Sequence[str]:
    return Path(path).read_text().splitlines()


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
