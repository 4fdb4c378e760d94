"""Stands before tools/bootstrap.py while commands are tried in clones: what it made once in a fresh clone it does not
make again, but takes from HOMIN_CLONE_LAYERS.

A clone gets nothing that its command has not asked for: what is given is what the same requests, in the same order and
from nothing, have made before. tools/bootstrap.py runs each time, and finds it done. All clones stand at one path, by
turns: a virtual environment knows its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MADE = [Path(".venv"), Path("web/node_modules"), Path("web/dist")]
ASKED = Path(".git/homin-asked")


def move_in(source: Path, target: Path) -> None:
    """What is made, as hard links: thousands of files that nobody writes to again."""
    for path in MADE:
        if (source / path).exists():
            shutil.rmtree(target / path, ignore_errors=True)
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "--archive", "--link", source / path, target / path], check=True)


def prepare(request: list[str], layers: Path) -> None:
    """`request`: one that tools/bootstrap.py takes. Ends the process where it fails."""
    asked = ASKED.read_text().split() if ASKED.exists() else []
    new = request[0] not in asked
    asked += [request[0]] if new else []
    layer = layers / "-".join(asked)
    if new and layer.exists():
        move_in(layer, Path())
    status = subprocess.run([sys.executable, "-B", "tools/bootstrap.py", *request]).returncode
    if status != 0:
        raise SystemExit(status)
    ASKED.write_text(" ".join(asked))
    if new and not layer.exists():
        layer.mkdir()
        move_in(Path(), layer)


def main(arguments: list[str]) -> None:
    layers = Path(os.environ["HOMIN_CLONE_LAYERS"])
    for request in [arguments] if arguments[0] == "npm" else [[each] for each in arguments]:
        prepare(request, layers)


if __name__ == "__main__":
    main(sys.argv[1:])
