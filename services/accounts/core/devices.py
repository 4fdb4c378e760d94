"""What somebody signs in on, as far as a request says."""

from __future__ import annotations

from typing import Final, NamedTuple

NAME_CHARS: Final = 200
ADDRESS_CHARS: Final = 45
"""The longest IPv6 address in text, with an IPv4 one in it."""


class Device(NamedTuple):
    """Either is empty where nobody says it."""

    name: str
    address: str


def device_of(user_agent: str, address: str) -> Device:
    """`user_agent`: the header, of which anybody may write anything, so its visible ASCII counts, and a bound."""
    return Device(_plain(user_agent)[:NAME_CHARS].strip(), _plain(address)[:ADDRESS_CHARS])


def _plain(text: str) -> str:
    return "".join(character for character in text if " " <= character <= "~").strip()
