"""The bus over RabbitMQ (AMQP 0-9-1). The only folder that knows aio-pika, aiormq and pamqp.

frames       the frames that every batch passes, as bytes (pure)
stream       a connection's byte stream: those frames beside aiormq, all others through it
declaration  what outlives a process, and what is done where the broker has it otherwise
refusal      failures to connect that do not pass, in words
link         a connection that comes back by itself
bus          publishing, subscriptions and mailboxes, each on links of its own
"""

from shared.bus.amqp.bus import AmqpBus
from shared.bus.amqp.declaration import AmqpLimits

__all__ = ["AmqpBus", "AmqpLimits"]
