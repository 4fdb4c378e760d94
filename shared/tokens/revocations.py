"""Tokens that are refused although they have not expired: their owners have signed out."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush


class Revocations:
    """Remembers each token's `jti` until it expires by itself: never more than one token lifetime's sign-outs."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` gives Unix seconds."""
        self._now = now
        self._until: dict[str, int] = {}
        self._soonest: list[tuple[int, str]] = []

    def add(self, token_id: str, expires_at: int) -> None:
        """Refuses `token_id` until `expires_at`, Unix seconds. Saying so twice changes nothing."""
        self._forget_expired()
        if expires_at > self._now() and expires_at > self._until.get(token_id, 0):
            self._until[token_id] = expires_at
            heappush(self._soonest, (expires_at, token_id))

    def __contains__(self, token_id: str) -> bool:
        return self._until.get(token_id, 0) > self._now()

    def __len__(self) -> int:
        self._forget_expired()
        return len(self._until)

    def _forget_expired(self) -> None:
        now = self._now()
        while self._soonest and self._soonest[0][0] <= now:
            expires_at, token_id = heappop(self._soonest)
            if self._until.get(token_id) == expires_at:
                del self._until[token_id]
