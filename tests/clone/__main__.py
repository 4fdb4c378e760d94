"""`python -m tests.clone [COMMAND …]`: every command that `make` lists works in a fresh clone, as the first one there.

Each gets a clone of its own of what is committed here, with nothing built in it. A command that `make help` lists and
tests/clone/targets.py does not know is a failure. Needs nothing but Python; pip's and npm's caches make it quick.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.clone.targets import TRIALS, Engine, Trial

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300.0
BOOTSTRAP = 'bootstrap=python=$$(tools/python) && "$$python" -B tests/clone/layers.py'
NAME = {"NAME": "Homin", "EMAIL": "nobody@example.invalid"}


class Failed(Exception):
    """What was not as it should be."""


class Clones:
    """Clones at one path, one after the other, in a folder of the run's own."""

    def __init__(self, folder: Path) -> None:
        self.clone, self._log = folder / "clone", folder / "log"
        (folder / "layers").mkdir()
        (folder / "willing").mkdir()
        docker = folder / "willing" / "docker"
        docker.write_text("#!/bin/sh\nexit 0\n")
        docker.chmod(0o755)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        self.environment |= {
            f"GIT_{who}_{what}": said for who in ("AUTHOR", "COMMITTER") for what, said in NAME.items()
        }
        self.environment |= {
            "DOCKER_HOST": f"unix://{folder}/nobody-listens.sock",
            "HOMIN_CACHE": str(folder / "cache"),
            "HOMIN_CLONE_LAYERS": str(folder / "layers"),
            # Its entries are good by the content of files: they hide no missing step, and save minutes.
            "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache"),
        }
        self.environment.pop("VIRTUAL_ENV", None)

    def fresh(self) -> None:
        shutil.rmtree(self.clone, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", "--no-tags", ROOT, self.clone], check=True)

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """Its status; what it printed is in the log."""
        with self._log.open("ab") as log:
            return subprocess.run(
                command, cwd=self.clone, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                timeout=PATIENCE_S,
            ).returncode  # fmt: skip

    def shell(self, command: str, what: str) -> None:
        if command and self.run(["bash", "-ec", command], self.environment) != 0:
            raise Failed(f"{what} failed")

    def attempt(self, name: str, trial: Trial) -> None:
        """Raises `Failed` where `make NAME` is not what its trial says."""
        self.fresh()
        self._log.write_bytes(b"")
        self.shell(trial.before, "what comes before it")
        environment = dict(self.environment)
        if trial.engine is Engine.WILLING:
            environment["PATH"] = f"{self.clone.parent / 'willing'}{os.pathsep}{environment['PATH']}"
        command = ["make", "--no-print-directory", name, *trial.arguments, BOOTSTRAP]
        if trial.served:
            self.serve(command, environment)
        elif (status := self.run(command, environment)) != 0 and not trial.fails:
            raise Failed(f"its status is {status}")
        elif status == 0 and trial.fails:
            raise Failed("it did not fail")
        if not re.search(trial.says, self.said()):
            raise Failed(f"it does not say “{trial.says}”")
        self.shell(trial.proof, "the proof of what it made")

    def serve(self, command: list[str], environment: dict[str, str]) -> None:
        """Until it is ready, and then Ctrl-C, which a terminal sends to all processes in it."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with self._log.open("ab") as log:
            served = subprocess.Popen(
                [*command, f"PORT={port}"], cwd=self.clone, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
            try:
                until = time.monotonic() + PATIENCE_S
                while not is_ready(f"http://127.0.0.1:{port}/readyz"):
                    if served.poll() is not None or time.monotonic() > until:
                        raise Failed("it did not become ready")
                    time.sleep(0.1)
                os.killpg(served.pid, signal.SIGINT)
                served.wait(30)
            finally:
                if served.poll() is None:
                    os.killpg(served.pid, signal.SIGKILL)
                    served.wait()
        if "stopped" not in self.said():
            raise Failed("Ctrl-C did not end it in order")


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def listed() -> set[str]:
    said = subprocess.run(["make", "-s", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"(?m)^  make (\S+)", said))


def main(wanted: list[str]) -> int:
    names = listed()
    failures = [f"make {name}: tests/clone/targets.py does not say how it is tried" for name in names - TRIALS.keys()]
    failures += [f"make {name}: tests/clone/targets.py tries it, and there is none" for name in TRIALS.keys() - names]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="homin-clone-") as folder:
        clones = Clones(Path(folder))
        for name in wanted or [each for each in TRIALS if each in names]:
            started = time.monotonic()
            try:
                clones.attempt(name, TRIALS[name])
                how = "works"
            except (Failed, subprocess.SubprocessError) as why:
                failures.append(f"make {name}: {why}")
                how = f"FAILED, {why}; the end of what it said:\n" + "\n".join(clones.said().splitlines()[-30:])
            print(f"  make {name:12} {time.monotonic() - started:4.0f} s  {how}", flush=True)
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(TRIALS)} commands, {len(failures)} failures, {time.monotonic() - began:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
