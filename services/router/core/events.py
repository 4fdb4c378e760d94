"""What came of a batch, in order, and who is to know of it. No bytes yet: see deliveries.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, final

from services.router.core.audience import Audience
from services.router.core.entries import Entry
from shared.protocol.bus import Access, Post, Removed, Rewound, Submit, Subscribed, Unsubscribed
from shared.protocol.server import HistoryPage, Joined, JoinedRoom, RefusedRoom, ServerBase


class Listing(NamedTuple):
    """`frame`, which has no messages yet, is to list these."""

    frame: Joined | HistoryPage
    messages: Sequence[Entry]


@final
class Said(NamedTuple):
    """`entry` is in the log. All sessions in the room hear it, but for `skip`."""

    to: Audience
    entry: Entry
    skip: str | None = None


class Answered(NamedTuple):
    """`by`, whose session is there, gets its answer; an entry is its own copy. `ref`: what the answer is known by.
    `settle`: the `id` of a `file` frame that is done with. `subscribed`: with it the session is subscribed, and has, or
    is being sent, everything up to there."""

    by: Submit | Post
    ref: str | None
    answer: ServerBase | Listing | Entry
    settle: str | None = None
    subscribed: int | None = None

    @property
    def own_ref(self) -> str | None:
        """The `ref` that `by` bears."""
        return self.by.frame.ref if self.by.type == "submit" else self.by.ref


class Resumed(NamedTuple):
    """What the `resume` `by` is told of one room; `entries` are the messages that `answer` is to list. `subscribed`: as
    above."""

    by: Submit
    answer: JoinedRoom | RefusedRoom
    entries: Sequence[Entry] = ()
    subscribed: Subscribed | None = None


class Told(NamedTuple):
    """One session is told something that it has not asked for."""

    address: str
    session: str
    frame: ServerBase


class Noticed(NamedTuple):
    """All sessions in the room but `skip` are told what may be dropped under pressure: presence, typing, read marks."""

    to: Audience
    frame: ServerBase
    skip: str | None = None


class Reminded(NamedTuple):
    """One session is told such things anew."""

    address: str
    session: str
    frames: Sequence[ServerBase]


class Informed(NamedTuple):
    """A service at `address` is told something itself."""

    address: str
    message: Subscribed | Unsubscribed | Removed | Rewound | Access


Event = Said | Answered | Told | Noticed | Reminded | Informed
