"""How much may be on its way to one shard: a window that closes when the answer is long in coming (as TCP Vegas does:
Brakmo and Peterson, 1995).

What waits beyond it waits at the gateway, where whoever sends most can be told so; what waits in the broker is served
in its order, and would hold up everybody in the shard. So a flood makes no queue that a quiet room stands in.
"""

from __future__ import annotations

from collections import deque

SLOW_S = 0.2
PATIENCE_S = 5.0


class CongestionWindow:
    """`least`, `most`: bytes that may be unanswered. Times are seconds of any one clock. An answer may be lost, so what
    is unanswered for `PATIENCE_S` counts no more."""

    __slots__ = ("_least", "_most", "_open", "_shrunk", "_unanswered", "bytes", "size")

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self._unanswered: deque[tuple[int, int, float]] = deque()
        self._shrunk = float("-inf")
        self._open = False
        self.size = most
        self.bytes = 0

    def wait(self, size: int, now: float) -> float:
        """0.0: `size` bytes may go now; else the seconds after which they may, should no answer come before."""
        while self._unanswered and now - self._unanswered[0][2] >= PATIENCE_S:
            self.bytes -= self._unanswered.popleft()[1]
        if self._open or not self._unanswered or self.bytes + size <= self.size:
            return 0.0
        return PATIENCE_S - (now - self._unanswered[0][2])

    def sent(self, sequence: int, size: int, now: float) -> None:
        """The envelope `sequence`, which counts up."""
        self._unanswered.append((sequence, size, now))
        self.bytes += size

    def acknowledged(self, sequence: int, now: float) -> None:
        """All up to the envelope `sequence` have been handled."""
        answered = None
        while self._unanswered and self._unanswered[0][0] <= sequence:
            answered = self._unanswered.popleft()
            self.bytes -= answered[1]
        if answered is None:
            return
        sent = answered[2]
        if now - sent > SLOW_S:
            # Once for each round: what was sent before the last step was not yet sent under it.
            if sent >= self._shrunk:
                self.size, self._shrunk = max(self._least, self.size // 2), now
        elif now - sent < SLOW_S / 2:
            self.size = min(self._most, self.size + self.size // 4)

    def forget(self) -> None:
        """Nothing that was sent will be answered."""
        self._unanswered.clear()
        self.bytes = 0

    def open(self) -> None:
        """From now on all may go at once: what waits here is about to lose its place."""
        self._open = True
