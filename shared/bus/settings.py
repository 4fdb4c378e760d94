"""The bus's settings, for every service."""

from __future__ import annotations

import os
import secrets
import socket
from typing import Annotated

from pydantic import Field

from shared.bus.limits import AmqpLimits
from shared.bus.port import BODY_BYTES, MAILBOX_BODIES
from shared.bus.topology import MOST_SHARDS
from shared.runtime.settings import BaseSettings, DataSettings, HttpSettings


class BusSettings(BaseSettings):
    instance: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}")
    """This process's name: it names its mailbox and decides which shards a router gets."""
    shards: Annotated[int, Field(ge=1, le=MOST_SHARDS)] = 16
    """Fixed for the life of a deployment: it says which room belongs where."""
    publish_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """How long a publisher waits for the broker's confirm."""
    amqp_heartbeat_s: Annotated[int, Field(ge=1)] = 10
    """Seconds: the heartbeat of AMQP, by which broker and process notice that the other is gone. What clients are told
    is another, the gateway's `server_ping_s`."""
    mailbox_bytes: Annotated[int, Field(ge=MAILBOX_BODIES * BODY_BYTES)] = 64 << 20
    """Bytes that the broker holds for one process's mailbox; beyond that the oldest are dropped and asked for anew."""
    mailbox_prefetch: Annotated[int, Field(ge=1)] = 64
    delivery_limit: Annotated[int, Field(ge=1)] = 50
    """After so many deliveries without an acknowledgement a body is given up as poison. A queue keeps the limit that it
    was made with; where that is another it stays in force, and a line in the log says how to change it."""

    amqp_direct: bool = True
    """Whether batches go past aiormq, straight to the socket. Without it each costs some ten times as much, and nothing
    is taken for granted of aiormq."""

    def amqp_limits(self) -> AmqpLimits:
        return AmqpLimits(
            shards=self.shards,
            publish_timeout_s=self.publish_timeout_s,
            heartbeat_s=self.amqp_heartbeat_s,
            mailbox_bytes=self.mailbox_bytes,
            mailbox_prefetch=self.mailbox_prefetch,
            delivery_limit=self.delivery_limit,
            direct=self.amqp_direct,
        )


class ServiceSettings(HttpSettings, BusSettings, DataSettings):
    """What every service has: where it listens, its bus, and what it keeps its data in."""
