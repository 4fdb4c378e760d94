"""When to come back: exponential back-off with full jitter, and what close codes and `reconnect` say. docs/protocol.md,
"Close codes"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.protocol.errors import CloseCode

FLOOR_S: Final = 0.5
CEILING_S: Final = 30.0
STEADY_S: Final = 30.0
ABNORMAL: Final = 1006  # RFC 6455, 7.4.1: the connection ended without a close frame


def backoff(attempt: int, random: float) -> float:
    """Seconds before attempt number `attempt` + 1, in [0.5, 30]; `random` is in [0, 1). The ceiling doubles each
    time."""
    ceiling = min(CEILING_S, FLOOR_S * 2.0 ** min(attempt + 1, 16))
    return FLOOR_S + random * (ceiling - FLOOR_S)


def comes_back(code: int) -> bool:
    """Whether a connection that ended with `code` is to be made again."""
    return code == ABNORMAL or code in _AGAIN or 4000 <= code < 4500


_AGAIN: Final = frozenset(code for code in CloseCode if code.come_back)


class Reconnection:
    """How often in a row it failed, and what the server asked for. `random` gives numbers in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._attempt = 0
        self._opened_at: float | None = None
        self._not_before = 0.0

    def opened(self, now: float) -> None:
        """There was a welcome."""
        self._opened_at = now

    def announced(self, after_ms: int, now: float) -> float:
        """The server is about to close (`reconnect`). Gives the seconds after which to leave if it has not closed by
        then."""
        wait = after_ms / 1000 + self._random() * max(after_ms / 1000, 1.0)
        self._not_before = now + wait
        return wait

    def lost(self, code: int, now: float) -> float | None:
        """The seconds until the next attempt; None: never."""
        if not comes_back(code):
            return None
        if self._opened_at is not None and now - self._opened_at > STEADY_S:
            self._attempt = 0
        self._opened_at = None
        wait = max(backoff(self._attempt, self._random()), self._not_before - now)
        self._attempt += 1
        self._not_before = 0.0
        return wait
