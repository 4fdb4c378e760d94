"""Who is to be told: the gateways that hold subscriptions in a room."""

from __future__ import annotations

from typing import NamedTuple


class Audience(NamedTuple):
    """The gateways that hold subscriptions in a room, and how many each holds."""

    addresses: tuple[str, ...]
    subscriptions: tuple[int, ...]


def one(address: str) -> Audience:
    """For one session there, or for the gateway itself."""
    return Audience((address,), (1,))
