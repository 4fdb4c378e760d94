"""One stack for all tests of this folder, and the log of what each fault did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stack.stack import ROOT, Stack
from tests.stack.traffic import Count

HERE = Path(__file__).resolve().parent
LINES = pytest.StashKey[list[str]]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only for whoever names this folder: `make test` does without Docker."""
    asked = [(ROOT / argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(HERE) for path in asked) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A whole installation is built, started, saved and restored here: that takes minutes on a slow machine."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(1_500))


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Up and healthy, with two gateways and two routers."""
    stack = Stack()
    began = time.monotonic()
    try:
        stack.up()
        say(request.config, f"up and healthy, images built: {time.monotonic() - began:.0f} s")
        yield stack
    finally:
        stack.down()


Told = Callable[[str, Count], None]


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Told:
    """Logs what a fault did, and holds it to the promise: of what was acknowledged nothing is missing or doubled."""

    began = time.monotonic()

    def tell(fault: str, count: Count) -> None:
        say(request.config, f"{fault}: {count} ({time.monotonic() - began:.0f} s)")
        assert count.sent == count.acknowledged
        assert (count.missing, count.doubled) == (0, 0)
        assert count.acknowledged > 0

    return tell


def say(config: pytest.Config, line: str) -> None:
    """At once, and again in the summary at the end."""
    config.stash.setdefault(LINES, []).append(line)
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n  {line}", flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(LINES, []):
        terminalreporter.section("the stack")
        for line in lines:
            terminalreporter.write_line(line)
