"""What is kept of how a device describes itself."""

from __future__ import annotations

import pytest

from services.accounts.core.devices import NAME_CHARS, Device, device_of


def test_a_browser_is_kept_as_it_calls_itself() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    assert device_of(agent, "2001:db8::1") == Device(agent, "2001:db8::1")


@pytest.mark.parametrize("sent", ["", "   ", "\x00\t", "кит", "\u202e"])
def test_what_shows_nothing_is_no_name(sent: str) -> None:
    assert device_of(sent, "") == Device("", "")


def test_what_could_deceive_is_taken_out() -> None:
    assert device_of("  Fire\u202efox\x07/1.0\x00 ", "192.0.2.1").name == "Firefox/1.0"


def test_a_long_name_is_cut() -> None:
    assert len(device_of("x" * 10_000, "y" * 1_000).name) == NAME_CHARS
    assert len(device_of("", "y" * 1_000).address) == 45
