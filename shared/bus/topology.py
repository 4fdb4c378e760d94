"""Every queue's and exchange's name, and which router should have which shard."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

FILES: Final = "work.files"
ACCOUNTS: Final = "work.accounts"
OWN_LOGS: Final = "work.own_logs"
"""What routers, whichever, are to write in people's own logs."""
DEAD: Final = "dead"
BROADCAST: Final = "broadcast"
MAILBOX: Final = "mailbox."
DEPLOYMENT: Final = "deployment"
"""An exchange to which nobody publishes: it keeps what is fixed for the life of a deployment."""
MOST_SHARDS: Final = 1024


def shard_queue(shard: int) -> str:
    return f"frames.{shard}"


def shard_queues(shards: int) -> list[str]:
    return [shard_queue(shard) for shard in range(shards)]


def single_active(queue: str) -> bool:
    """Shards have one consumer at a time; other work is shared between all."""
    return queue.startswith("frames.")


def priority(consumer: str, queue: str) -> int:
    """Rendezvous hashing: among the consumers of `queue` the one with the highest number owns it, and when one comes
    or goes only its own queues move (Thaler and Ravishankar, 1998). RabbitMQ 4 honours it as the consumer's
    priority."""
    return int.from_bytes(blake2b(f"{consumer}\0{queue}".encode(), digest_size=4).digest()) >> 1


def owner(consumers: Sequence[str], queue: str) -> str:
    """Whom rendezvous hashing names."""
    return max(consumers, key=lambda consumer: (priority(consumer, queue), consumer))
