"""What the routers can read: which version of the wire the present owner of each shard speaks.

A gateway is not told which router owns a shard. But each says that it has handled what was sent there, the gateway's
beats as well, and in whose name it says so.
"""

from __future__ import annotations


class Owners:
    """Of `shards` shards. `newest`: the version that we speak. `mixed`: not all of their owners are known to speak it;
    as long as they do, nothing needs to be asked of `read`."""

    __slots__ = ("_heard", "_least", "_newest", "_shards", "mixed")

    def __init__(self, shards: int, newest: int) -> None:
        self._shards, self._newest = shards, newest
        self._heard: dict[str, tuple[int, int]] = {}  # by queue: the envelope that was handled last, and the version
        self._least = newest
        self.mixed = True

    def heard(self, queue: str, sequence: int, version: int) -> None:
        """Whoever has handled our envelope `sequence`, which counts up, speaks `version`."""
        last, before = self._heard.get(queue, (0, 0))
        if sequence < last:
            return  # a former owner, who says it late
        self._heard[queue] = sequence, version
        if version != before:
            self._least = min(spoken for _, spoken in self._heard.values())
            self.mixed = len(self._heard) < self._shards or self._least < self._newest

    def read(self, queue: str, since: int) -> bool:
        """Whether what is read from the version `since` on may go to `queue`: its owner is known to read it, and no
        router is known that does not: that one may own this shard next."""
        return queue in self._heard and self._least >= since

    def forget(self) -> None:
        """Nothing is known any more: others may own the shards by now."""
        self._heard.clear()
        self.mixed = True
