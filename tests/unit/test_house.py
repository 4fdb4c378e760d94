"""The rules of the house that no other tool holds, and proof that the tools hold theirs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = [path for folder in ("services", "shared") for path in sorted((ROOT / folder).rglob("*.py"))]
LINES = 300
REASON = re.compile(r"^# long: \S.*\S", re.MULTILINE)
LOCKS = sorted([*ROOT.glob("requirements*.lock"), ROOT / "web" / "package-lock.json"])
TOOLS = Path(sys.executable).parent


def is_excused(source: str) -> bool:
    """Whether a long file says why, on a line `# long: <reason>` among its first 30."""
    return bool(REASON.search("\n".join(source.splitlines()[:30])))


def test_no_file_of_the_services_is_long_without_a_reason() -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in PYTHON}
    long = {name: len(source.splitlines()) for name, source in sources.items() if len(source.splitlines()) > LINES}
    assert len(sources) > 10
    assert {name: lines for name, lines in long.items() if not is_excused(sources[name])} == {}


def test_a_reason_is_more_than_its_label() -> None:
    assert is_excused('"""One table."""\n# long: a table of the protocol, read as one\n')
    assert not is_excused('"""One table."""\n# long:\n')
    assert not is_excused("\n" * 30 + "# long: far from where anybody looks\n")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_names_no_registry(lock: Path) -> None:
    """Whoever installs from it uses the registry of his own machine; the hashes say whether it gave the same bytes."""
    text = lock.read_text()
    if lock.suffix == ".json":
        assert '"resolved"' not in text
        assert '"integrity"' in text
    else:
        assert "://" not in text
        assert "--index-url" not in text
        entries = re.split(r"\n(?=[a-z])", text.split("make lock\n")[1].strip())
        assert all("--hash=sha256:" in entry for entry in entries)


def test_the_runtime_is_a_part_of_the_development_lock() -> None:
    """So one environment serves both `make run` and `make test`, and what is tested is what runs."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9][^ ;\\]*==[^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))

    runtime = pins("requirements.lock")
    assert len(runtime) > 20
    assert runtime - pins("requirements-dev.lock") == set()


CLIENTS = [*(ROOT / "shared" / "client").rglob("*.py"), *(ROOT / "web" / "src" / "client").rglob("*.ts")]


def test_nothing_in_a_client_is_there_for_tests() -> None:
    """Both are to be published. What a test wants to see or to do it gets by what everybody has: `Client.observe`,
    `dial`, `OpenSocket`. A part that were there for tests would say so, and it may not."""
    said = re.compile(r"\b(?:tests|checkers?|fakes?|mocks?)\b", re.IGNORECASE)
    found = {str(path.relative_to(ROOT)): said.findall(path.read_text()) for path in CLIENTS}
    assert len(found) > 40
    assert {name: words for name, words in found.items() if words} == {}


PLANTED = [
    ("layers", "shared/bus/port.py", "import services.router"),
    ("independence", "services/gateway/wiring.py", "import services.router"),
    ("independence", "services/files/wiring.py", "from services.accounts import settings"),
    ("pure", "services/router/core/__init__.py", "import asyncio"),
    ("pure", "services/gateway/core/__init__.py", "import time"),
    ("pure", "services/router/core/__init__.py", "import shared.bus.port"),
    ("pure", "shared/protocol/names.py", "import sqlalchemy"),
    ("pure", "shared/protocol/names.py", "import random"),
    ("client", "shared/client/client.py", "import shared.runtime.log"),
    ("client", "shared/client/core/room.py", "from tests.recording import Record"),
    ("pure", "shared/core/bucket.py", "import time"),
    ("one-amqp", "services/router/wiring.py", "import aio_pika"),
    ("one-amqp", "shared/bus/memory.py", "import pamqp"),
    ("adapters", "services/router/__init__.py", "import shared.bus.amqp"),
]


def lint_imports(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = [str(TOOLS / "lint-imports"), "--config", "pyproject.toml", "--contract", contract, "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(tree), "NO_COLOR": "1"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The services and what they share, in a folder where a test may break them."""
    for folder in ("services", "shared"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("contract", "place", "violation"), PLANTED, ids=lambda value: str(value))
def test_a_forbidden_import_is_caught(copied: Path, contract: str, place: str, violation: str) -> None:
    before = lint_imports(copied, contract)
    assert before.returncode == 0, before.stdout
    (copied / place).write_text((copied / place).read_text() + f"\n{violation}\n")
    after = lint_imports(copied, contract)
    assert after.returncode == 1, after.stdout
    planted_in = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert planted_in in after.stdout, "it is caught by name"


@pytest.mark.parametrize(
    "violation",
    ["from datetime import datetime\nnow = datetime.now()", "import time\nnow = time.time()",
     "from uuid import uuid4\nname = uuid4()", "import random\nroll = random.random()"],
)  # fmt: skip
@pytest.mark.parametrize("pure", ["services/router/core", "services/gateway/core", "shared/core", "shared/protocol"])
def test_clock_and_chance_are_kept_out_of_the_pure_parts(tmp_path: Path, pure: str, violation: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def codes(folder: str) -> str:
        place = tmp_path / folder / "planted.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(violation + "\n")
        command = [str(TOOLS / "ruff"), "check", "--no-cache", "--output-format", "concise", str(place)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout

    assert "TID251" in codes(pure)
    assert "TID251" not in codes("services/router"), "the shell around it may"
