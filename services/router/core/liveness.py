"""Which gateways are silent. Kept for each shard, from what passes through that shard's queue.

A router is not told when a shard becomes its own or ceases to be (ARCHITECTURE.md, decision 3). So silence is judged
only by what comes through the queue: routers tick on every shard, and where the ticks themselves had a pause, the
router was away and knows nothing: everyone then counts as heard just now.
"""

from __future__ import annotations

from collections.abc import Iterable

SILENT_S = 15.0
PAUSE_S = 11.0


class Liveness:
    """`silent_s`: after this long without a beat an address is gone. `pause_s`: a gap between ticks that says we were
    away.
    """

    def __init__(self, silent_s: float = SILENT_S, pause_s: float = PAUSE_S) -> None:
        self._silent_s, self._pause_s = silent_s, pause_s
        self._heard: dict[str, float] = {}
        self._ticked = float("-inf")

    def heard(self, address: str, now: float) -> None:
        self._heard[address] = now

    def resumes(self, now: float) -> bool:
        """Whether the tick that passes at `now` is the first after a pause: then `begin` with what the store knows."""
        return now - self._ticked > self._pause_s

    def begin(self, addresses: Iterable[str], now: float) -> None:
        """These addresses hold seats, says the store; whoever of them is dead has `silent_s` to prove the contrary."""
        self._heard = dict.fromkeys([*self._heard, *addresses], now)
        self._ticked = now

    def tick(self, now: float) -> list[str]:
        """The addresses that have fallen silent. Each is named once."""
        self._ticked = now
        silent = [address for address, heard in self._heard.items() if now - heard > self._silent_s]
        for address in silent:
            del self._heard[address]
        return silent
