"""How each command that `make` lists is tried in a clone of its own: as cheaply as still runs its own code."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Engine(Enum):
    """The Docker engine that a command finds."""

    NONE = "none answers"
    WILLING = "a program called `docker` that agrees to everything: only what is around it is tried"


@dataclass(frozen=True)
class Trial:
    """`before` and `proof` are shell commands in the clone, before and after. `says` is searched in what it printed.

    `fails`: it has to end with a status other than 0, and say why. `served`: it runs until Ctrl-C, and is ready before.
    """

    arguments: list[str] = field(default_factory=list)
    says: str = ""
    fails: bool = False
    served: bool = False
    engine: Engine = Engine.NONE
    before: str = ""
    proof: str = ""


def without_engine(*arguments: str, before: str = "") -> Trial:
    """What they do with an engine is tried by `make test-stack`; without one they have to say so."""
    return Trial(list(arguments), says="No Docker engine answers|Docker is not installed", fails=True, before=before)


# A scene of the page in Chromium, with the Node and the packages that the command has brought.
SCENE = """.venv/bin/python -B -c '
import os
from tests.servers import chromium
from tools.bootstrap import node_environment
environment, _ = node_environment()
browser = chromium.find()
environment["CHROMIUM"] = browser.executable or browser.endpoint or ""
os.chdir("web")
os.execvpe("node", ["node", "test/look/behave.mjs", "what a screen reader is told"], environment)
'"""

DATED = r"""
sed -i -E 's/^(## [0-9.]+) \(not released\)$/\1 (2026-01-01)/' CHANGELOG.md
git diff --quiet || git commit --quiet --all --message 'A day for the release'
"""

TRIALS: dict[str, Trial] = {
    "help": Trial(says="make run "),
    "run": Trial(served=True),
    "up": without_engine(),
    "down": without_engine(),
    "logs": without_engine(),
    "ps": without_engine(),
    "scale": without_engine(),
    "backup": without_engine(),
    "restore": without_engine(
        "FROM=backups/old", before="mkdir -p backups/old && echo rows >backups/old/database.dump"
    ),
    # They bring an engine where none is, as root and for minutes: `make test-stack`, a stage of CI, does it in earnest.
    "images": Trial(engine=Engine.WILLING, says="images: all there"),
    "test-stack": Trial(["ARGS=--collect-only"], engine=Engine.WILLING, says="tests collected", proof=SCENE),
    "test": Trial(["ARGS=tests/unit/test_house.py -k names_no_registry"], says=r"\d passed"),
    "chaos": Trial(["SECONDS=3"], says="kept"),
    "flood": Trial(["ARGS=--help"], says="usage: "),  # in a few seconds nothing is flooded yet
    "storm": Trial(["CLIENTS=20"]),
    "lint": Trial(says="0 broken"),
    "token": Trial(["NAME=olena"], says=r"(?m)^ey[\w-]+\.[\w-]+\.[\w-]+$"),
    "tokens": Trial(["COUNT=2"], says=r"(?m)^ey[\w-]+\.[\w-]+\.[\w-]+\ney[\w-]+\.[\w-]+\.[\w-]+$"),
    "migrate": Trial(says="At the newest schema"),
    "generate": Trial(proof="git diff --exit-code"),
    "lock": Trial(proof="test -s requirements.lock"),
    # Full runs take from ten minutes to hours.
    "bench": Trial(["ARGS=--help"], says="usage: ", proof=".venv/bin/python -c 'import matplotlib, picows, socketio'"),
    "bench-curves": Trial(
        ["ARGS=--help"], says="usage: ", proof=".venv/bin/python -c 'import matplotlib, picows, socketio'"
    ),
    "bench-micro": Trial(["ARGS=--help"], says="usage: "),
    "bench-serve": Trial(says='"urls"'),
    "release": Trial(before=DATED, says="is tagged", proof="cd dist && sha256sum --quiet --check SHA256SUMS"),
    "clean": Trial(
        before="mkdir -p .venv/bin web/node_modules web/dist dist var && touch var/kept",
        proof='test -e var/kept && test "$(git status --short --ignored)" = "!! var/"',
    ),
}
