"""What can be wrong with a run, and what was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Breach(StrEnum):
    """What can be wrong. The value is the row of the table."""

    LOST = "lost"
    """Acknowledged, and not in `history`, or there as it was not written, or without its effect."""
    HOLE = "hole"
    """A number without an entry."""
    DOUBLE = "double"
    """An entry twice: under two numbers, shown twice, or sent twice over one connection to somebody else."""
    DISORDER = "disorder"
    """Members see another order than `seq`, or another `seq` than the log's."""
    SENDER_DISORDER = "sender disorder"
    """Numbered in another order than that in which one connection sent them."""
    UNSTORED = "seen, not stored"
    """Somebody saw what `history` does not have, or has otherwise."""
    INCOMPLETE = "incomplete"
    """A member, connected and quiet, lacks something."""
    UNSETTLED = "unsettled"
    """Written, and neither acknowledged nor refused, by a client that was connected to the end; or refused for good,
    and stored."""
    DIVERGED = "another state"
    """Messages, or how a room stands, are held by a client, told or stored otherwise than the changes leave them."""
    NOT_GONE = "gone, and shown"
    """Deleted, and shown to somebody who asked after that; or said in a private room, and shown to who was not in
    it."""
    UNTOLD = "not told"
    """Somebody was invited, removed or called, and one's own log does not say so."""
    UNCALLED = "told for nothing"
    """One's own log says of a message that it calls one, and it never did; or otherwise than it did."""
    MISCOUNTED = "counted otherwise"
    """Unread messages, or those that mention one, are counted otherwise than the log has them; or the mark or the level
    is not what was set."""
    GHOST = "ghost"
    """Shown online, and gone."""
    UNSEEN = "not shown"
    """Online, and not shown."""


class Finding(NamedTuple):
    breach: Breach
    text: str


@dataclass
class Verdict:
    """`findings`: each breach with its place. `stored`: entries, `changes`: those of them that are changes. `written`:
    messages and changes; `sent`: transmissions; `received`: copies; `refused`: for good, `deferred`: for now."""

    written: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    deferred: int = 0
    received: int = 0
    connections: int = 0
    stored: int = 0
    changes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> dict[Breach, int]:
        found = Counter(finding.breach for finding in self.findings)
        return {breach: found[breach] for breach in Breach}

    @property
    def is_clean(self) -> bool:
        return not self.findings

    def table(self) -> str:
        """One line for each number."""
        measures = {
            "stored": self.stored, "  of it changes": self.changes, "written": self.written, "sent": self.sent,
            "acknowledged": self.acknowledged, "refused": self.refused, "refused for now": self.deferred,
            "received": self.received, "connections": self.connections,
        }  # fmt: skip
        rows = [*measures.items(), *((str(breach), count) for breach, count in self.counts.items())]
        return "\n".join(f"{name:<18}{number:>10,}" for name, number in rows)
