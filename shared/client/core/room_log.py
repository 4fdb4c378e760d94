"""What is known of one room's log: every entry once, in the order of `seq`; the messages as the changes leave them; and
what is still missing. docs/protocol.md, "The room is a log of entries", promises 2 to 4 and 7."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import reduce
from typing import Any, Final, NamedTuple

from shared.client.core.events import Arrived, Change, Changed, Entry, Message, RoomChange, RoomChanged, Standing
from shared.client.core.fold import answered, fold
from shared.client.core.standing import after

CHANGES_KNOWN: Final = 200
"""So many of the changes that were applied last are known again."""

Told = Arrived | Changed | RoomChanged
"""An entry, and what it made of its message, or of how the room stands."""


class Hole(NamedTuple):
    """The numbers `first` … `last` are missing."""

    first: int
    last: int


class Anew(NamedTuple):
    """What a new start gives. `passed`: the numbers that were passed over; none, where its last is below its first.
    `through`: up to here the changes were passed over, too. `told`: what can now be told."""

    passed: Hole
    through: int
    told: list[Told]


class RoomLog:
    """Whole from `start` to `whole`; beyond that there may be holes up to `target`. Before `first` the server keeps
    nothing any more. `keep`: how many of the newest
    messages are held (None: all). A page of history covers the numbers it was asked for even where it holds no
    entry for one of them (an operator may keep messages for a limited time), so a hole is asked for once.

    A change is applied when every entry before it is known. It is dropped where its message is not held, or holds it
    already: a page's message is *as of* the page's number, one that came live as of its own. So is a change of the room
    itself, whose `standing` a `joined` says. A message that stands under another one changes that one, likewise.

    `held_from`: all messages from there on up to `whole` are held."""

    def __init__(self, keep: int | None = None) -> None:
        self.start: int | None = None
        self.held_from = 1
        self.first = 1
        self.whole = 0
        self.target = 0
        self._keep = keep
        self._held: OrderedDict[int, Message] = OrderedDict()
        self._ahead: dict[int, Entry] = {}
        self._as_of: dict[int, int] = {}
        """Of messages, held or ahead, that hold more than `whole` and their own number say. Those of the others need
        not be known: every change that is still to be applied comes after `whole`."""
        self._as_of_at_most = 0
        self._changes: OrderedDict[int, Change | RoomChange] = OrderedDict()
        self.standing: Standing | None = None
        """None: not said yet; or changes of the room were passed over since."""
        self._told = 0
        """Up to here all was told or passed over when the log started anew last."""

    @property
    def messages(self) -> list[Message]:
        """Those that are held, in the order of `seq`. A copy."""
        return list(self._held.values())

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

    def message(self, seq: int) -> Message | None:
        """The message with this number as it is now; None where it is not held."""
        return self._held.get(seq)

    def stands(self, standing: Standing) -> None:
        """What a `joined` says. An answer may be older than what came meanwhile."""
        if self.standing is None or standing.as_of >= self.standing.as_of:
            changes = [change for change in self._changes.values() if isinstance(change, RoomChange)]
            self.standing = reduce(after, changes, standing)

    def contradicts(self, entries: Sequence[Entry]) -> bool:
        """Whether another entry than one of these is known under its number. A number is given once in the life of a
        store and its entry keeps its `id`, author and time, so this is a store that went back, in whatever order the
        two came."""
        return any((known := self._known(e.seq)) is not None and _identity(known) != _identity(e) for e in entries)

    def _known(self, seq: int) -> Entry | None:
        if seq > self.whole:
            return self._ahead.get(seq)
        return self._held.get(seq) or self._changes.get(seq)

    def begin_after(self, seq: int) -> None:
        """Wants everything after `seq`."""
        if self.start is None:
            self.start, self.whole, self.target = seq + 1, seq, seq
            self.held_from = seq + 1

    def begins(self, first: int) -> list[Told] | None:
        """The server keeps nothing before `first`: what is held of that is let go, and none of it is missing. Gives
        what can now be told; None where that was known, or of the room nothing is."""
        if first <= self.first:
            return None
        self.first = first
        if self.start is None:
            return None
        self.start = max(self.start, first)
        known: tuple[dict[int, Any], ...] = (self._held, self._changes, self._ahead, self._as_of)
        for of_seq in known:
            for seq in [seq for seq in of_seq if seq < first]:
                del of_seq[seq]
        if self.whole >= first - 1:
            return []
        if self.standing is not None and self.standing.as_of < first - 1:
            self.standing = None  # among what was missed there may have been changes of the room
        self.target = max(self.target, first - 1)
        return self._advance(first - 1)

    def expect(self, seq: int) -> None:
        """The room is known to reach `seq`: what lies between is missing."""
        if self.start is not None:
            self.target = max(self.target, seq)

    def receive(self, entry: Entry) -> list[Told]:
        """An entry that came by itself. Gives what can now be told, in order; nothing where it was here already."""
        if self.start is None or entry.seq <= self.whole or entry.seq in self._ahead:
            return []
        self.target = max(self.target, entry.seq)
        if entry.seq == self.whole + 1 > self._told and not self._ahead:  # the usual case
            self.whole = entry.seq
            return [self._apply(entry)]
        self._ahead[entry.seq] = entry
        return self._advance(self.whole)

    def joined_fresh(self, messages: Sequence[Message], seq: int, as_of: int, more: bool = True) -> list[Told]:
        """The answer to a `join` without `after`: the newest messages of a room whose newest number is `seq`, with all
        changes up to `as_of`. What else comes after that is missing. `more`: there are messages before these."""
        first = messages[0].seq if messages else as_of + 1
        if self.start is None and not more:
            self.begin_after(first - 1)
            self.held_from = 1
        self.begin_after(first - 1)
        return self._newest(first, seq, messages, as_of)

    def page(self, after: int, up_to: int, entries: Sequence[Entry], more: bool, as_of: int) -> list[Told]:
        """The answer to what follows `after`, in a room that reaches at least to `up_to`. Its messages hold all changes
        up to `as_of`. Gives what can now be told."""
        self._take(entries, as_of)
        last = entries[-1].seq if entries else after
        self.target = max(self.target, up_to, last)
        covered = last if more else max(up_to, last)
        return self._advance(covered if after <= self.whole else self.whole)

    def start_anew(self, up_to: int, messages: Sequence[Message], as_of: int) -> Anew | None:
        """The newest messages of a room that reaches at least to `up_to`, with all changes up to `as_of`. The changes
        are not among them, so whatever is held would miss these: it is let go, and the log is whole from the first of
        the messages on. None where meanwhile nothing is missing up to `up_to`, and the log stays as it is."""
        if self.whole >= up_to:
            return None
        first = messages[0].seq if messages else up_to + 1
        self._told = max(self._told, self.whole)
        passed = Hole(self._told + 1, max(self._told, first - 1))
        through = max(first - 1, min(as_of, up_to))
        if self.standing is not None and self.standing.as_of < through:
            self.standing = None
        self._held.clear()
        self._changes.clear()
        self._ahead = {seq: entry for seq, entry in self._ahead.items() if seq > through}
        self._as_of = {seq: held for seq, held in self._as_of.items() if seq in self._ahead}
        self.start, self.held_from, self.whole = first, first, first - 1
        return Anew(passed, through, self._newest(first, up_to, messages, as_of))

    def _newest(self, first: int, up_to: int, messages: Sequence[Message], as_of: int) -> list[Told]:
        """The newest messages up to `up_to`, of which `first` is the first."""
        self._take(messages, as_of)
        self.target = max(self.target, up_to, messages[-1].seq if messages else 0)
        return self._advance(max(first - 1, min(as_of, up_to)))

    def _take(self, entries: Sequence[Entry], as_of: int) -> None:
        """What a page lists waits until everything before it is known. Of two copies of a message the newer stays."""
        for entry in entries:
            seq = entry.seq
            if seq <= self.whole or (seq in self._ahead and self._as_of.get(seq, seq) >= as_of):
                continue
            self._ahead[seq] = entry
            if as_of > seq and isinstance(entry, Message):
                self._as_of[seq] = as_of
                self._as_of_at_most = max(self._as_of_at_most, as_of)

    def _advance(self, covered: int) -> list[Told]:
        """Everything up to `covered` is known, and whatever follows it without a hole."""
        ready: list[Entry] = []
        if covered > self.whole:
            ready += [self._ahead.pop(seq) for seq in sorted(s for s in self._ahead if s <= covered)]
            self.whole = covered
        while (following := self._ahead.pop(self.whole + 1, None)) is not None:
            ready.append(following)
            self.whole += 1
        told = [(entry.seq, self._apply(entry)) for entry in ready]
        if self.whole >= self._as_of_at_most:
            self._as_of.clear()
        return [each for seq, each in told if seq > self._told]

    def _apply(self, entry: Entry) -> Told:
        if isinstance(entry, Message):
            self._held[entry.seq] = entry
            if self._keep is not None and len(self._held) > self._keep:
                let_go, _ = self._held.popitem(last=False)
                self.held_from = let_go + 1
            return Arrived(entry, self._answer(entry))
        self._changes[entry.seq] = entry
        if len(self._changes) > CHANGES_KNOWN:
            self._changes.popitem(last=False)
        if isinstance(entry, RoomChange):
            self.standing = None if self.standing is None else after(self.standing, entry)
            return RoomChanged(entry.room, entry, self.standing)
        message = self._held.get(entry.of)
        if message is not None and entry.seq > self._as_of.get(entry.of, entry.of):
            message = self._held[entry.of] = fold(message, entry)
        return Changed(entry.room, entry, message)

    def _answer(self, reply: Message) -> Message | None:
        """The message under which it stands, which counts it from now on."""
        root = None if reply.thread is None else self._held.get(reply.thread)
        if root is not None:
            root = self._held[root.seq] = answered(root, reply)
        return root


def _identity(entry: Entry) -> tuple[str, str, str]:
    return entry.id, entry.sender_id, entry.at
