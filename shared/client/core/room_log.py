"""What is known of one room's log: every message once, in the order of `seq`; and what is still missing.
docs/protocol.md, promises 2 to 4."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from shared.client.core.events import Message


class Hole(NamedTuple):
    """The numbers `first` … `last` are missing."""

    first: int
    last: int


class Anew(NamedTuple):
    """What a new start gives: the numbers that were passed over, if any, and the messages that can now be shown."""

    skipped: Hole | None
    messages: list[Message]


class RoomLog:
    """Whole from `start` to `whole`; beyond that there may be holes up to `target`. `keep`: how many of the newest
    messages are held (None: all). A page of history covers the numbers it was asked for even where it holds no
    message for one of them (an operator may keep messages for a limited time), so a hole is asked for once."""

    def __init__(self, keep: int | None = None) -> None:
        self.messages: deque[Message] = deque(maxlen=keep)
        self.start: int | None = None
        self.whole = 0
        self.target = 0
        self._ahead: dict[int, Message] = {}

    @property
    def is_whole(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.whole >= self.target

    @property
    def hole(self) -> Hole | None:
        """The lowest gap, or None."""
        if self.start is None or self.is_whole:
            return None
        return Hole(self.whole + 1, min(self._ahead, default=self.target + 1) - 1)

    @property
    def missing(self) -> int:
        """How many numbers are known to be missing, in all gaps together."""
        return 0 if self.start is None else self.target - self.whole - len(self._ahead)

    @property
    def resume_after(self) -> int | None:
        """What `join` says as `after`; None for a room of which nothing is known."""
        return None if self.start is None else self.whole

    def contradicts(self, messages: Sequence[Message]) -> bool:
        """Whether another message than one of these is held under its number. A number is given once in the life of a
        store and its message keeps its `id`, author and time, so this is a store that went back, in whatever order the
        two came."""
        return any((held := self._held(m.seq)) is not None and _identity(held) != _identity(m) for m in messages)

    def _held(self, seq: int) -> Message | None:
        if seq > self.whole:
            return self._ahead.get(seq)
        at = bisect_left(self.messages, seq, key=lambda message: message.seq)
        held = self.messages[at] if at < len(self.messages) else None
        return held if held is not None and held.seq == seq else None

    def begin_after(self, seq: int) -> None:
        """Wants everything after `seq`."""
        if self.start is None:
            self.start, self.whole, self.target = seq + 1, seq, seq

    def expect(self, seq: int) -> None:
        """The room is known to reach `seq`: what lies between is missing."""
        if self.start is not None:
            self.target = max(self.target, seq)

    def receive(self, message: Message) -> list[Message]:
        """A message that came by itself. Gives what can now be shown, in order; nothing where it was here already."""
        if self.start is None or message.seq <= self.whole or message.seq in self._ahead:
            return []
        if message.seq == self.whole + 1 and not self._ahead:  # the usual case
            self.whole = message.seq
            self.target = max(self.target, message.seq)
            self.messages.append(message)
            return [message]
        self._ahead[message.seq] = message
        self.target = max(self.target, message.seq)
        return self._advance(self.whole)

    def joined_fresh(self, messages: Sequence[Message], seq: int) -> list[Message]:
        """The answer to a `join` without `after`: the newest messages of a room whose newest number is `seq`."""
        first = messages[0].seq if messages else seq + 1
        self.begin_after(first - 1)
        return self.page(first - 1, seq, messages, more=False)

    def page(self, after: int, up_to: int, messages: Sequence[Message], more: bool) -> list[Message]:
        """The answer to what follows `after`, in a room that reaches at least to `up_to`. Gives what can now be
        shown."""
        for message in messages:
            if message.seq > self.whole:
                self._ahead[message.seq] = message
        last = messages[-1].seq if messages else after
        self.target = max(self.target, up_to, last)
        covered = last if more else max(up_to, last)
        return self._advance(covered if after <= self.whole else self.whole)

    def start_anew(self, up_to: int, messages: Sequence[Message]) -> Anew:
        """The newest messages of a room that reaches at least to `up_to`. Where they do not follow what is held, that
        is let go, and the log is whole from the first of them on."""
        first = messages[0].seq if messages else up_to + 1
        skipped = None
        if first > self.whole + 1:
            skipped = Hole(self.whole + 1, first - 1)
            self.messages.clear()
            self._ahead = {seq: message for seq, message in self._ahead.items() if seq >= first}
            self.start, self.whole = first, first - 1
        return Anew(skipped, self.page(first - 1, up_to, messages, more=False))

    def _advance(self, covered: int) -> list[Message]:
        """Everything up to `covered` is known, and whatever follows it without a hole."""
        ready: list[Message] = []
        if covered > self.whole:
            ready += [self._ahead.pop(seq) for seq in sorted(s for s in self._ahead if s <= covered)]
            self.whole = covered
        while (following := self._ahead.pop(self.whole + 1, None)) is not None:
            ready.append(following)
            self.whole += 1
        self.messages.extend(ready)
        return ready


def _identity(message: Message) -> tuple[str, str, str]:
    return message.id, message.sender_id, message.at
