"""The router's settings; each bound of memory has its name here."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.bus.settings import ServiceSettings
from shared.protocol.bus import ITEM_BYTES
from shared.protocol.client import KeepDays


class Settings(ServiceSettings):
    router_partition_workers: Annotated[int, Field(ge=0)] = 0
    """Side by side in one router, each with its own shards; 0: one on SQLite, which has one writer, else two."""
    router_prefetch: Annotated[int, Field(ge=1)] = 16
    """Bodies of each shard that a router holds unacknowledged."""
    router_batch_frames: Annotated[int, Field(ge=1)] = 1_000
    """Frames in one transaction, at most (a body is never split)."""
    router_cache_rooms: Annotated[int, Field(ge=1)] = 10_000
    router_cache_bytes: Annotated[int, Field(ge=1)] = 256 << 20
    """Rooms kept in memory, and bytes of their newest messages."""
    router_answer_bytes: Annotated[int, Field(ge=1)] = 64 << 10
    """Bytes of the messages that one `joined` or `history` lists, but one message always; what does not fit is `more`.
    Also of the newest messages that `rooms` shows. The answers to the eight joins that a client asks at once fit into
    what may wait for it (`gateway_send_bytes`)."""
    router_outbox_bytes: Annotated[int, Field(ge=1)] = 32 << 20
    """Bytes that may wait for one gateway."""
    router_outbox_refusals: Annotated[int, Field(ge=0)] = 10_000
    """Answers that found no room there and wait to be refused as overloaded; beyond that the gateway refuses them."""
    router_body_bytes: Annotated[int, Field(ge=1, le=ITEM_BYTES)] = 512 << 10
    """Bytes of one body to a gateway, about."""
    router_linger_ms: Annotated[float, Field(ge=0)] = 25.0
    router_linger_deliveries_per_s: Annotated[float, Field(gt=0)] = 120_000.0
    """How long messages are gathered for a gateway that has so many to write out, or more; with fewer proportionally
    less, down to nothing."""
    router_reads: Annotated[int, Field(ge=1)] = 16
    router_reads_waiting: Annotated[int, Field(ge=0)] = 5_000
    """Reads beside the batches, under way and waiting; more are refused as overloaded."""
    keep_days: KeepDays = 0
    """What is older is removed, in rooms that say nothing else themselves; 0: never. Gateways tell it to clients."""
    router_keep_look_s: Annotated[float, Field(gt=0)] = 3_600.0
    """How often a router looks what has become too old in the rooms of a shard."""
    router_keep_entries: Annotated[int, Field(ge=1)] = 500
    """So many entries (and so many rooms) are looked at, or removed, in one step beside the traffic."""
    beat_s: Annotated[float, Field(gt=0)] = 5.0
    """How often gateways and routers say that they are alive."""
    silent_s: Annotated[float, Field(gt=0)] = 15.0
    """A gateway that says nothing for so long is gone."""

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if self.silent_s < 2 * self.beat_s:
            raise ValueError(
                f"HOMIN_SILENT_S is {self.silent_s:g}, which is less than two of HOMIN_BEAT_S ({self.beat_s:g}):"
                " gateways that live would be taken for dead"
            )
        return self
