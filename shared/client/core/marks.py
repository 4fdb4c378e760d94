"""What is one's own of a room: how far one has read, and of what one is alerted. The latest value alone counts: it
has no `seq`. docs/protocol.md, "The room is a log of entries"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.client.core.events import JsonFrame, Message


class Unread(NamedTuple):
    """How many messages of others follow the mark and are not deleted, and how many of those mention one."""

    messages: int
    mentions: int


class Marks:
    """`read_seq`, `level`: None until the server has said it. What was set elsewhere during an absence is known once
    `rooms` has been asked. `told`: how often something came by itself."""

    def __init__(self) -> None:
        self.read_seq: int | None = None
        self.level: str | None = None
        self.told = 0

    def read_up_to(self, seq: int) -> None:
        """The server says so by itself."""
        self.told += 1
        self.read_seq = max(seq, self.read_seq or 0)

    def alerted_of(self, level: str) -> None:
        """Likewise, or as the answer to whoever set it."""
        self.told += 1
        self.level = level

    def listed(self, summary: JsonFrame, told: int) -> None:
        """What `rooms` says, which was asked for when so much was `told`: what came since may be newer."""
        if told == self.told:
            self.read_seq, self.level = summary["read_seq"], summary.get("notify", "all")


def unread(messages: Iterable[Message], read_seq: int, me: str) -> Unread:
    """Of all messages after `read_seq`, as the user `me` counts them."""
    of_others = [m for m in messages if m.seq > read_seq and m.sender_id != me and m.kind != "deleted"]
    return Unread(len(of_others), sum(me in message.mentions for message in of_others))
