"""How patient a client is, and how much it holds."""

from __future__ import annotations

from dataclasses import dataclass

from shared.client.core.session import SessionOptions


@dataclass(frozen=True)
class Options(SessionOptions):
    """`connect_s`: from dialling to the welcome. `heartbeat_s`: None: what the server says. `stream`: events that may
    wait for one reader of `events`; a slower reader holds up the connection, which the server then ends (4002)."""

    connect_s: float = 10.0
    heartbeat_s: float | None = None
    stream: int = 10_000


DEFAULT = Options()
