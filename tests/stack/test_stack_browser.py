"""The browser's tests, in real windows, against the stack behind Caddy."""

from __future__ import annotations

import sys

import pytest

from tests.stack.conftest import say
from tests.stack.stack import Stack


async def test_the_page_works_in_real_windows(stack: Stack, request: pytest.FixtureRequest) -> None:
    stack.environment["HOMIN_TEST_URL"] = stack.url
    output = await stack.run(sys.executable, "-m", "pytest", "tests/browser", "-q")
    last = output.strip().splitlines()[-1]
    say(request.config, f"tests/browser against the stack: {last}")
    assert " passed" in last
    assert "skipped" not in last
