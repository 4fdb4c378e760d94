"""How often somebody may do something: a token bucket (Turner, 1986; RFC 2697 calls it a meter).

Times are seconds of a clock that never goes back.
"""

from __future__ import annotations


class Bucket:
    """`rate` a second in the long run, `burst` at once. A rate of 0 means no limit."""

    __slots__ = ("_burst", "_level", "_rate", "_seen")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate, self._burst, self._level, self._seen = rate, burst, float(burst), now

    def take(self, now: float) -> float:
        """Takes one. 0.0: it was there; else the seconds until it will be, and nothing is taken."""
        if not self._rate:
            return 0.0
        self._level = min(self._burst, self._level + (now - self._seen) * self._rate)
        self._seen = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self._rate


class Buckets:
    """A bucket for each key: a room, an address. The `last` keys that asked are remembered, and never more than twice
    as many; any other begins with a full bucket.

    In two generations, so that a key that asks again costs one look: a young one that is full becomes the old one, and
    the old one goes with all that have not asked since."""

    def __init__(self, rate: float, burst: int, last: int) -> None:
        self._rate, self._burst, self._last = rate, burst, last
        self._young: dict[str, Bucket] = {}
        self._old: dict[str, Bucket] = {}

    def take(self, key: str, now: float) -> float:
        """As `Bucket.take`."""
        if not self._rate:
            return 0.0
        bucket = self._young.get(key)
        if bucket is None:
            bucket = self._old.pop(key) if key in self._old else Bucket(self._rate, self._burst, now)
            if len(self._young) >= self._last:
                self._old, self._young = self._young, {}
            self._young[key] = bucket
        return bucket.take(now)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
