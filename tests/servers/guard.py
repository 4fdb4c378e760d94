"""Ends what a dead run has left: a small process of its own that learns of our end by the end of its input.

Even a run that is killed outright (SIGKILL, out of memory) leaves no server behind. Only what was entrusted to it is
touched, by pid. Lines in: `+ pid signal folder` entrusts, `- pid` takes back.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO


class Guard:
    """The guard of this process, started with the first server."""

    def __init__(self) -> None:
        self._input: IO[str] | None = None

    def entrust(self, pid: int, farewell: signal.Signals, folder: Path) -> None:
        """Should this process vanish: send `farewell` to `pid`, then remove `folder`."""
        self._tell(f"+ {pid} {int(farewell)} {folder}")

    def take_back(self, pid: int) -> None:
        """The process has been waited for; its number may soon be another's."""
        self._tell(f"- {pid}")

    def _tell(self, line: str) -> None:
        if self._input is None:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=subprocess.PIPE,
                text=True,
                bufsize=1,
                start_new_session=True,  # a Ctrl-C at the terminal is ours to handle, not the guard's
            )
            assert process.stdin is not None
            self._input = process.stdin
            _still_running.append(process)
        self._input.write(line + "\n")
        self._input.flush()


# Held to the end of the process: dropping a Popen that still runs is reported as a leak.
_still_running: list[subprocess.Popen[str]] = []
guard = Guard()


def watch(lines: IO[str]) -> None:
    entrusted: dict[int, tuple[int, str]] = {}
    for line in lines:
        match line.rstrip("\n").split(" ", 3):
            case ["+", pid, farewell, folder]:
                entrusted[int(pid)] = (int(farewell), folder)
            case ["-", pid]:
                entrusted.pop(int(pid), None)
    for left, (number, _) in entrusted.items():
        try:
            os.kill(left, number)
        except ProcessLookupError:
            continue
    for _, folder in entrusted.values():
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch(sys.stdin)
