"""Which gateways are silent, and which are subscribed elsewhere than they believe. Kept for each shard, from what
passes through that shard's queue.

A router is not told when a shard becomes its own or ceases to be (docs/architecture.md, decision 3). So silence is
judged only by what comes through the queue: routers tick on every shard, and where the ticks themselves had a pause,
the router was away and knows nothing: whoever holds a subscription then counts as heard just now. What counts is when a
tick passes, not when the store has answered: a router may stand still in between.

Nor is it told what others write: one that stood still may write a subscription late, in a shard that is another's by
now, for a gateway that is dead by now. So the store is asked again from time to time who holds any.

Whoever ended a silent gateway's subscriptions may be gone when it speaks again. So it is not remembered who lapsed, but
who is *known*: held a subscription when the router began, or has been told since to resume them. Anybody else who
speaks is told.
"""

from __future__ import annotations

from collections.abc import Iterable

SILENT_S = 15.0
PAUSE_S = 11.0
BEAT_S = 5.0
GAP_BEATS = 1.8
NEVER = float("-inf")


class Liveness:
    """`silent_s`: after this long without a beat an address is silent; twice as long counts what the store has said.
    `pause_s`: a gap between ticks that says we were away. `beat_s`: how far apart beats and ticks are. Times are
    seconds of any one clock.
    """

    def __init__(self, silent_s: float = SILENT_S, pause_s: float = PAUSE_S, beat_s: float = BEAT_S) -> None:
        self._silent_s, self._pause_s, self._beat_s = silent_s, pause_s, beat_s
        self._heard: dict[str, float] = {}
        self._known: set[str] = set()
        self._ticked = NEVER
        self._began = self._asked = NEVER

    def heard(self, address: str, now: float) -> bool:
        """Notes a beat. True: as far as is known here its subscriptions may have ended, so it has to resume them."""
        self._heard[address] = now
        if address in self._known:
            return False
        self._known.add(address)
        return True

    def subscribed(self, address: str, now: float) -> None:
        """It has a subscription: should it never be heard, it is silent in due time."""
        self._heard.setdefault(address, now)

    def tick(self, now: float) -> list[str]:
        """Notes a tick, which passes at `now`. The addresses that are silent; named at each tick until they `lapse` or
        are heard again.

        Of the time between two ticks no more than `GAP_BEATS` counts as their silence: what is over that is our own
        lateness, and their beats may wait in the queue behind this tick.
        """
        gap, self._ticked = now - self._ticked, now
        if gap > self._pause_s:
            self._heard, self._known = {}, set()
            self._began, self._asked = now, NEVER
            return []
        late = gap - GAP_BEATS * self._beat_s
        if late > 0:
            self._heard = {address: heard + late for address, heard in self._heard.items()}
        return [address for address, heard in self._heard.items() if now - heard > self._silent_s]

    @property
    def begins(self) -> bool:
        """Since the last pause the store has not said who holds subscriptions."""
        return self._asked == NEVER

    @property
    def asks(self) -> bool:
        """Whether the store is to be asked who holds subscriptions: see `learn`."""
        return self._ticked - self._asked > 2 * self._silent_s

    def learn(self, addresses: Iterable[str], asked: float, now: float) -> None:
        """These addresses hold subscriptions, says the store, which was asked when a tick passed at `asked`; whoever of
        them is dead has `silent_s` to prove the contrary."""
        if asked < self._began:
            return  # before the pause
        if self.begins:
            addresses = list(addresses)
            self._known.update(addresses)
        for address in addresses:
            self.subscribed(address, now)
        self._asked = max(self._asked, asked)

    def lapse(self, address: str) -> None:
        """The subscriptions of `address` have ended. Should it speak again after all, `heard` says so."""
        self._heard.pop(address, None)
        self._known.discard(address)
