"""What the direct path takes for granted of aiormq and pamqp; and that one process loads nothing of them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import aiormq
import pytest
from pamqp import frame

from shared.bus.amqp import assumptions
from shared.bus.port import Unusable

ROOT = Path(__file__).parents[2]


def test_the_installed_versions_are_those_that_were_tested() -> None:
    assert {name: version(name) for name in assumptions.TESTED} == assumptions.TESTED
    assert assumptions.broken() == []
    assumptions.check()


def test_a_library_that_takes_no_transport_ends_the_start_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(self: object, url: str) -> None: ...

    monkeypatch.setattr(aiormq.Connection, "__init__", without)
    with pytest.raises(Unusable, match=r"takes no transport_factory.*HOMIN_AMQP_DIRECT=false"):
        assumptions.check()


def test_a_library_that_writes_other_bytes_ends_the_start_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    marshal = frame.marshal
    monkeypatch.setattr(frame, "marshal", lambda value, channel: marshal(value, channel) + b"\0")
    with pytest.raises(Unusable, match="pamqp writes or reads frames otherwise"):
        assumptions.check()


def test_settings_and_the_bus_within_one_process_load_no_amqp_library() -> None:
    code = (
        "import asyncio, sys; from shared.bus.settings import BusSettings; from shared.bus.wiring import open_bus\n"
        "asyncio.run(open_bus('memory:', 'x', BusSettings().amqp_limits()))\n"
        "print([name for name in ('aio_pika', 'aiormq', 'pamqp') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"
