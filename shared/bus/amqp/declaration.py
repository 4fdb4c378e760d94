"""What outlives a process, declared on every connection; and what is done where the broker has it otherwise.

RabbitMQ never changes a queue's arguments. Declared again with others, or without one, a queue is refused with 406, and
the answer names the first that differs: "inequivalent arg 'x-delivery-limit' for queue 'frames.0' in vhost '/':
received '7' but current is '50'" (3.10.8 and 4.0.5). So what may differ is taken as it is and told in one line; what
would break a promise of port.py ends the start in a sentence. Arguments that RabbitMQ does not know it does not
compare.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

import structlog
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from shared.bus.limits import AmqpLimits
from shared.bus.port import Unusable
from shared.bus.topology import (
    ACCOUNTS,
    BROADCAST,
    DEAD,
    DEPLOYMENT,
    FILES,
    MOST_SHARDS,
    OWN_LOGS,
    shard_queue,
    shard_queues,
    single_active,
)  # fmt: skip

log = structlog.get_logger("bus")

PROMISES: Final = frozenset({"durable", "auto_delete", "type", "x-queue-type", "x-single-active-consumer"})
"""What port.py's promises rest on."""
ALTERNATE: Final = "alternate-exchange"
SHOWN: Final = 24
"""Queues named in a line."""
SHARDS: Final = "shards."
DELIVERY_LIMIT: Final = "x-delivery-limit"
_REFUSAL: Final = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for .*"
    r" but current is (?:none|'(?P<bare>.*)'|the value '(?P<value>.*)' of type '(?P<type>\w+)')$",
    re.DOTALL,
)
Answer = TypeVar("Answer")


class Difference(NamedTuple):
    """The broker has a queue's `argument` as `there`, this process wants it `here`; None: without it."""

    argument: str
    here: object
    there: object


class Declaration:
    """One for all connections of a process, so that what differs is told once."""

    def __init__(self, limits: AmqpLimits) -> None:
        self._limits = limits
        self._told: object = None

    async def on(self, connection: AbstractConnection) -> None:
        """Declares everything; the same for everyone, and again on every connection. Raises `Unusable`."""
        ask = _Asking(connection)
        await self._keep_shards(ask)
        await self._exchange(ask, BROADCAST)
        arguments = {"x-queue-type": "quorum", "x-max-length": self._limits.dead_bodies, "x-overflow": "drop-head"}
        differing = {DEAD: await self._queue(ask, DEAD, arguments)}
        for queue in [*shard_queues(self._limits.shards), FILES, ACCOUNTS, OWN_LOGS]:
            differing[queue] = await self._queue(ask, queue, self._work(queue))
        await ask.end()
        self._tell(differing)

    def _work(self, queue: str) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "x-queue-type": "quorum",
            DELIVERY_LIMIT: self._limits.delivery_limit,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": DEAD,
        }
        if single_active(queue):
            arguments["x-single-active-consumer"] = True
        return arguments

    async def _keep_shards(self, ask: _Asking) -> None:
        """The number of shards is fixed for the life of a deployment, and this is where its processes agree on it: in
        the alternate exchange (there is none of that name) of an exchange that nobody uses. An exchange, since every
        node of a cluster has it, and since this argument is the one that RabbitMQ compares.
        """
        wanted = self._limits.shards
        if not await ask.exists(_exchange(DEPLOYMENT)):
            # Queues from before the number was kept. Whoever makes them today has made the exchange before.
            there = await _shards_there(ask)
            if there not in (0, wanted) and not await ask.exists(_exchange(DEPLOYMENT)):
                raise _other_shards(wanted, str(there))
        await self._exchange(ask, DEPLOYMENT, f"{SHARDS}{wanted}")

    async def _exchange(self, ask: _Asking, name: str, alternate: str | None = None) -> None:
        arguments: dict[str, Any] | None = None if alternate is None else {ALTERNATE: alternate}
        try:
            await ask(
                lambda channel: channel.exchange_declare(
                    name, exchange_type="fanout", durable=True, arguments=arguments
                )
            )
        except ChannelPreconditionFailed as why:
            argument, there = _refused(why)
            if name == DEPLOYMENT and argument == ALTERNATE and str(there).startswith(SHARDS):
                raise _other_shards(self._limits.shards, str(there).removeprefix(SHARDS)) from why
            raise Unusable(
                f"The broker has an exchange {name!r} that is not Homin's: {why}. Give Homin a virtual host of its own"
                " in HOMIN_AMQP_URL, or delete the exchange."
            ) from why

    async def _queue(self, ask: _Asking, queue: str, wanted: dict[str, Any]) -> list[Difference]:
        """Declares `queue`; how the one that is there differs. Raises `Unusable` where that breaks a promise."""
        arguments, differing = dict(wanted), dict[str, Difference]()
        while True:
            try:
                await ask(lambda channel: channel.queue_declare(queue, durable=True, arguments=arguments))
                return list(differing.values())
            except ChannelPreconditionFailed as why:
                argument, there = _refused(why)
                if argument in PROMISES:
                    raise Unusable(
                        f"The broker's queue {queue} was not made by Homin, or for something else: {why}. Delete it"
                        f" once it is empty (rabbitmqctl delete_queue {queue}), and start again: Homin makes it anew."
                    ) from why
                differing[argument] = Difference(argument, wanted.get(argument), there)
                if arguments.get(argument) == there:  # a value that cannot be written down as the broker has it
                    await ask(lambda channel: channel.queue_declare(queue, passive=True))
                    return list(differing.values())
                if there is None:
                    del arguments[argument]
                else:
                    arguments[argument] = there

    def _tell(self, differing: dict[str, list[Difference]]) -> None:
        """Once, and again when it has changed."""
        alike: dict[Difference, list[str]] = defaultdict(list)
        for queue, differences in differing.items():
            for difference in differences:
                alike[difference].append(queue)
        told = sorted(map(str, alike.items()))
        if told != self._told:
            self._told = told
            for difference, queues in alike.items():
                log.warning("bus.queues_differ", why=_sentence(difference, queues))


class _Asking:
    """Questions to the broker, each on a channel that is open: a refusal ends a channel (AMQP 0-9-1, 2.2.7)."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._channel: AbstractChannel | None = None

    async def __call__(self, ask: Callable[[AbstractChannel], Awaitable[Answer]]) -> Answer:
        if self._channel is None or self._channel.is_closed:
            self._channel = await self._connection.channel(publisher_confirms=False)
        return await ask(self._channel)

    async def exists(self, passively: Callable[[AbstractChannel], Awaitable[object]]) -> bool:
        try:
            await self(passively)
        except ChannelNotFoundEntity:
            return False
        return True

    async def end(self) -> None:
        if self._channel is not None and not self._channel.is_closed:
            await self._channel.close()


def _exchange(name: str) -> Callable[[AbstractChannel], Awaitable[object]]:
    return lambda channel: channel.exchange_declare(name, passive=True)


async def _shards_there(ask: _Asking) -> int:
    """How many shards have a queue: they are numbered from 0 on, without a gap."""

    def queue(shard: int) -> Callable[[AbstractChannel], Awaitable[object]]:
        return lambda channel: channel.queue_declare(shard_queue(shard), passive=True)

    if not await ask.exists(queue(0)):
        return 0
    there, not_there = 1, MOST_SHARDS + 1
    while there < not_there - 1:
        middle = (there + not_there) // 2
        if await ask.exists(queue(middle - 1)):
            there = middle
        else:
            not_there = middle
    return there


def _refused(why: ChannelPreconditionFailed) -> tuple[str, object]:
    """Which argument differs, and how the broker has it. `Unusable` where it says something else."""
    said = _REFUSAL.search(str(why))
    if said is None:
        raise Unusable(f"The broker has something of the name of a thing of Homin's, made otherwise: {why}.") from why
    value = said["bare"] if said["value"] is None else said["value"]
    if said["type"] == "bool":
        return said["argument"], value == "true"
    return said["argument"], int(value) if value is not None and re.fullmatch(r"-?\d+", value) else value


def _other_shards(here: int, there: str) -> Unusable:
    return Unusable(
        f"HOMIN_SHARDS is {here}, but this broker is a deployment's with {there}. The number says which room belongs"
        f" where: set HOMIN_SHARDS={there} in every process. To change it stop them all once their queues are empty,"
        " give them a new virtual host in HOMIN_AMQP_URL, and start them with the new number."
    )


def _sentence(difference: Difference, queues: list[str]) -> str:
    argument, here, there = difference
    which = ", ".join(queues if len(queues) <= SHOWN else [*queues[:SHOWN], f"and {len(queues) - SHOWN} more"])
    if argument == DELIVERY_LIMIT:
        made = "without a limit" if there is None else f"with {there}"
        return (
            f"HOMIN_DELIVERY_LIMIT is {here}, but these queues were made {made}, which they keep, and are used as they"
            f" are: {which}. For a lower limit let a policy say it (rabbitmqctl set_policy --apply-to queues"
            rf""" homin-delivery-limit "^(frames|work)\." '{{"delivery-limit":{here}}}'); for a higher one stop"""
            " Homin, and delete each that is empty (rabbitmqctl delete_queue): the next start makes it anew."
        )
    return (
        f"These queues were made with {argument} {_value(there)} instead of {_value(here)}, which they keep, and are"
        f" used as they are: {which}. To have them as this version of Homin makes them stop Homin, and delete each that"
        " is empty (rabbitmqctl delete_queue): the next start makes it anew."
    )


def _value(value: object) -> str:
    return "unset" if value is None else repr(value)
