"""An earlier commit of Homin, made ready to be measured beside this one: `make bench BASE=41d169f`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.serving import ROOT


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The files of `commit` in a folder of their own, with its own environment, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="homin-base-") as folder:
        place = Path(folder)
        archive = subprocess.run(["git", "archive", "--format=tar", commit], cwd=ROOT, stdout=subprocess.PIPE)
        if archive.returncode:
            raise SystemExit(f"There is no commit {commit} here.")
        subprocess.run(["tar", "-x"], cwd=place, input=archive.stdout, check=True)
        made = subprocess.run([sys.executable, "-B", "tools/bootstrap.py", "dev"], cwd=place, stdin=subprocess.DEVNULL)
        if made.returncode:
            raise SystemExit(f"{commit} cannot be made ready; why stands above.")
        yield place
