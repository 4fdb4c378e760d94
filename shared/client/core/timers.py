"""Time as an argument: what is to happen later, in a heap that the shell winds forward."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count


class Timer:
    """Something due at `when`, seconds of the clock that `advance` is told."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


LATE_S = 2.0
"""A timer that is wound so much later than it was due says that we were away: stopped, or asleep."""


class Timers:
    """`now` is what the shell said last; it never runs backwards."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = count()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        timer = Timer(self.now + seconds, action)
        heappush(self._heap, (timer.when, next(self._count), timer))
        return timer

    def after_silence(
        self, seconds: float, ended: Callable[[], None], again: Callable[[], None] | None = None
    ) -> Timer:
        """Calls `ended` when `seconds` have passed in which we were there. Where the clock is wound late, what came
        meanwhile may lie unread: then the whole time is waited once more, after `again`. For whatever is concluded
        from somebody else's silence."""

        def passed() -> None:
            if self.now - timer.when <= LATE_S:
                ended()
                return
            timer.when, timer.action = self.now + seconds, ended
            heappush(self._heap, (timer.when, next(self._count), timer))
            if again is not None:
                again()

        timer = self.after(seconds, passed)
        return timer

    def advance(self, now: float) -> None:
        """It is `now`: does what is due, in order."""
        self.now = max(self.now, now)
        while self._heap and self._heap[0][0] <= self.now:
            action = heappop(self._heap)[2].action
            if action is not None:
                action()

    @property
    def deadline(self) -> float | None:
        """When `advance` is next needed, or None."""
        while self._heap and self._heap[0][2].action is None:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None
