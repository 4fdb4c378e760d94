"""What the services may expect of the bus. tests/contract holds both adapters to it.

Two kinds of queue. A *work queue* (a shard of frames, the files' work) is durable: what `publish` returned for is kept
until some consumer acknowledges it. A *mailbox* belongs to one process, is bounded, and dies with its connection.

Promises
1. `publish` returns once the broker has taken responsibility (a publisher confirm), or raises.
2. What one bus published to one queue, one call after the other, arrives in that order.
3. A shard has one active consumer at a time. Another gets nothing of it until the first has acknowledged what it
holds or is gone; what was not acknowledged then comes again, first, in order, marked `redelivered`.
4. So a delivery comes at least once; to a mailbox, at most once. Nothing here is exactly once: ids and `seq` see to
that.
5. A full mailbox drops its oldest. The numbers in `protocol.bus.Envelope` show it to the receiver.
6. A body of up to `BODY_BYTES` finds room in every queue; a larger one is `TooLarge`, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from shared.protocol.bus import BODY_BYTES as BODY_BYTES

MAILBOX_BODIES: Final = 4
"""So many of the largest bodies a mailbox has room for, at least: RabbitMQ drops from the front of a full queue until
what is left fits, the new body included, and confirms it (3.10.8, 4.0.5)."""
REASON_CHARS: Final = 1_000
"""Of a dead letter's reason, which goes in one frame, so many are kept."""


class BusError(Exception):
    """The bus did not take a body. What was sent may yet arrive, except after `Unroutable`."""


class Unroutable(BusError):
    """There is no such queue: the mailbox's owner is gone."""


class Unavailable(BusError):
    """The broker cannot be reached, or the connection broke before it confirmed."""


class Overloaded(BusError):
    """The broker is reached and does not take it: an alarm blocks publishers, a queue is full, or a confirm is
    overdue.
    """


class TooLarge(BusError):
    """The body is larger than any queue is made for. Nothing was sent, and sending it again is no use."""


def bounded(body: bytes, body_bytes: int) -> bytes:
    """`body`, if it is not larger than `body_bytes`. Raises `TooLarge`."""
    if len(body) > body_bytes:
        raise TooLarge(f"a body of {len(body):,} bytes; the largest may have {body_bytes:,}")
    return body


class Unusable(Exception):
    """The broker is there and cannot be used as it is set up, now and later. The text tells an operator why, and what
    to do.
    """


class Delivery(NamedTuple):
    """One body from a work queue. `life` and `tag` name it to the adapter; `redelivered`: some consumer may have
    had it.
    """

    body: bytes
    queue: str
    redelivered: bool
    life: int
    tag: int


class Reopened(NamedTuple):
    """The mailbox has a new address: what was on the way to the old one is lost."""

    address: str


class Consumer(Protocol):
    """Deliveries of one or more work queues, in order for each queue, at most `prefetch` of each queue
    unacknowledged.
    """

    async def get(self) -> list[Delivery]:
        """Waits for the first delivery; gives all that have gathered."""

    def ack(self, last: Delivery) -> None:
        """`last`, and all that this consumer gave before it, are done with."""

    async def reject(self, delivery: Delivery, reason: str) -> None:
        """Puts a copy, of any size, into the dead-letter queue, with its reason. `delivery` is still to be acknowledged
        with the others.
        """

    async def close(self) -> None:
        """What was not acknowledged goes to the next consumer."""


class Mailbox(Protocol):
    """What was sent to this process. Reopens by itself, under a new address, when its connection is lost."""

    @property
    def address(self) -> str:
        """The address of the present life."""

    async def get(self) -> list[bytes | Reopened]:
        """Waits; gives all that have gathered, in order. `Reopened` stands where something may be missing."""

    async def close(self) -> None: ...


class Bus(Protocol):
    @property
    def connected(self) -> bool:
        """Whether publishing can be expected to work now."""

    async def publish(self, to: str, body: bytes) -> None:
        """To a work queue by its name (topology.py) or to a mailbox by its address. Raises `BusError`."""

    async def broadcast(self, body: bytes) -> None:
        """To every mailbox there is. Raises `BusError`."""

    async def consume(self, queues: Sequence[str], instance: str, prefetch: int) -> Consumer:
        """Deliveries of `queues`. `instance` is this process's stable name: with it the shards are dealt out
        (topology.priority).
        """

    async def mailbox(self, owner: str) -> Mailbox:
        """A new mailbox, its address beginning with `owner`."""

    async def close(self) -> None: ...
