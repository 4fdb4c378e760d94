"""Installing a server with apt-get, without letting it start as a service of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
NO_START = "#!/bin/sh\n# Left by Homin's tests while a package is installed: it must not start anything.\nexit 101\n"


class CannotInstall(Exception):
    """apt-get is not there, may not be used, or failed. The message is the reason."""


def install(*packages: str) -> None:
    """Install Debian packages, or raise `CannotInstall`. Waits for another apt-get up to 5 minutes."""
    if not (shutil.which("apt-get") and Path("/etc/debian_version").exists()):
        raise CannotInstall("this is not Debian or Ubuntu, so apt-get cannot install it")
    root = _as_root()
    command = [*root, "apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq"]
    print(f"Installing {' '.join(packages)} with apt-get …", file=sys.stderr, flush=True)
    with _nothing_started(root):
        install_them = [*command, "install", "--yes", "--no-install-recommends", *packages]
        first = _run(install_them)
        if first.returncode == 0:
            return
        # The lists may be older than the archive, or may never have been fetched.
        update = _run([*command, "update"])
        second = _run(install_them)
    if second.returncode != 0:
        lines = (update.stdout + second.stdout).strip().splitlines()
        raise CannotInstall(f"apt-get install {' '.join(packages)} failed: {' / '.join(lines[-3:])}")


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _run(["sudo", "--non-interactive", "true"]).returncode == 0:
        return ["sudo", "--non-interactive", "--preserve-env=DEBIAN_FRONTEND"]
    raise CannotInstall("apt-get install needs root, and sudo would ask for a password")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def _nothing_started(root: list[str]) -> Iterator[None]:
    """Debian's own switch: while this file says 101, packages do not start their services (and cannot fail to)."""
    if POLICY.exists():
        yield
        return
    subprocess.run([*root, "tee", str(POLICY)], input=NO_START, text=True, stdout=subprocess.DEVNULL, check=True)
    subprocess.run([*root, "chmod", "755", str(POLICY)], check=True)
    try:
        yield
    finally:
        subprocess.run([*root, "rm", "-f", str(POLICY)], check=True)


if __name__ == "__main__":
    try:
        install(*sys.argv[1:])
    except CannotInstall as why:
        sys.exit(str(why))
