"""How many frames a connection may send: a token bucket (Turner, 1986; RFC 2697 calls it a meter)."""

from __future__ import annotations

ROOMS = 10_000


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

    def is_full(self, now: float) -> bool:
        """Whether it holds all it can, and so says no more than a new one."""
        return self._level + (now - self._seen) * self._rate >= self._burst


class RoomBuckets:
    """A bucket for each room in which somebody speaks; those that are full again are let go."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._buckets: dict[str, Bucket] = {}

    def take(self, room: str, now: float) -> float:
        """As `Bucket.take`."""
        if not self._rate:
            return 0.0
        bucket = self._buckets.get(room)
        if bucket is None:
            if len(self._buckets) >= ROOMS:
                self._buckets = {name: b for name, b in self._buckets.items() if not b.is_full(now)}
            bucket = self._buckets[room] = Bucket(self._rate, self._burst, now)
        return bucket.take(now)

    def __len__(self) -> int:
        return len(self._buckets)
