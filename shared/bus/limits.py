"""The bounds and times of the bus over RabbitMQ. Apart from the adapter: whoever reads settings loads none of it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.bus.port import BODY_BYTES, MAILBOX_BODIES


@dataclass(frozen=True)
class AmqpLimits:
    """Each has a setting in shared/bus/settings.py. A mailbox has room for `MAILBOX_BODIES` bodies of `body_bytes`,
    else ValueError. `direct`: whether the hot path goes past aiormq (shared/bus/amqp/direct.py)."""

    shards: int = 16
    publish_timeout_s: float = 10.0
    heartbeat_s: int = 10
    reconnect_min_s: float = 0.1
    reconnect_max_s: float = 5.0
    body_bytes: int = BODY_BYTES
    mailbox_bytes: int = 64 << 20
    mailbox_prefetch: int = 64
    delivery_limit: int = 50
    dead_bodies: int = 10_000
    direct: bool = True

    def __post_init__(self) -> None:
        if self.mailbox_bytes < MAILBOX_BODIES * self.body_bytes:
            raise ValueError(f"a mailbox must have room for {MAILBOX_BODIES} bodies of {self.body_bytes} bytes")
