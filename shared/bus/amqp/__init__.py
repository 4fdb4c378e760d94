"""The bus over RabbitMQ (AMQP 0-9-1). The only folder that knows aio-pika, aiormq and pamqp.

frames       the frames that every batch passes, as bytes (pure)
line         one connection, as a link uses it; of two kinds:
direct         batches go past aiormq, cut out of its byte stream
ordinary       batches go through aio-pika, for libraries that do not bear the other
assumptions  what the direct kind takes for granted of aiormq and pamqp, and the versions it was tested with
declaration  what outlives a process, and what is done where the broker has it otherwise
refusal      failures to connect that do not pass, in words
link         a connection that comes back by itself
bus          publishing, consumers and mailboxes, each on links of its own
"""

from shared.bus.amqp.bus import AmqpBus

__all__ = ["AmqpBus"]
