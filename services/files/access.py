"""Asks the router, over the bus, whether someone may read a room. Only it knows, and only now: nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from shared.bus.port import Bus, BusError
from shared.bus.topology import shard_queue
from shared.protocol.bus import Access, AccessWanted
from shared.protocol.codec import encode, pack
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import shard_of
from shared.runtime.metrics import histogram

SECONDS = histogram("files_access_seconds", "From the question whether someone is a member to the router's answer")


class RoomAccess:
    """`reply_to`: the present address of this process's mailbox. `patience_s`: how long an answer may take.
    `bound`: questions under way."""

    def __init__(
        self, bus: Bus, source: str, shards: int, reply_to: Callable[[], str], *, patience_s: float, bound: int
    ) -> None:
        self._bus, self._source, self._shards, self._reply_to = bus, source, shards, reply_to
        self._patience_s, self._bound = patience_s, bound
        self._asked: dict[str, asyncio.Future[Access | None]] = {}
        self._refs = count(1)

    async def require(self, room: str, user_id: str) -> None:
        """Returns if the user is a member. Refused: `no_such_room`, `not_joined`, `unavailable`, `overloaded`."""
        access = await self.ask(room, user_id)
        if not access.exists:
            raise Refused(ErrorCode.NO_SUCH_ROOM, "There is no room of this name.")
        if not access.allowed:
            raise Refused(ErrorCode.NOT_JOINED, "You are not a member of this room. Join it first.")

    async def ask(self, room: str, user_id: str) -> Access:
        """What the router says. Raises Refused: `unavailable`, `overloaded`."""
        if len(self._asked) >= self._bound:
            raise Refused(ErrorCode.OVERLOADED, "The server has more to do than it can. Try again in a moment.", 1_000)
        queue = shard_queue(shard_of(room, self._shards))
        try:
            with SECONDS.time():
                async with asyncio.timeout(self._patience_s):
                    while True:
                        answer = await self._ask_once(queue, room, user_id)
                        if answer is not None:
                            return answer
        except (TimeoutError, BusError):
            text = "It cannot be found out right now whether you are a member. Try again in a moment."
            raise Refused(ErrorCode.UNAVAILABLE, text, 1_000) from None

    def answer(self, access: Access) -> None:
        """The router's answer has come; one that nobody waits for any more is dropped."""
        asked = self._asked.get(access.ref)
        if asked is not None and not asked.done():
            asked.set_result(access)

    def reopened(self) -> None:
        """The mailbox has a new address, so answers to the old one are lost: everything is asked again."""
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(None)

    async def _ask_once(self, queue: str, room: str, user_id: str) -> Access | None:
        ref = str(next(self._refs))
        asked: asyncio.Future[Access | None] = asyncio.get_running_loop().create_future()
        self._asked[ref] = asked
        try:
            wanted = AccessWanted(room=room, user=user_id, reply_to=self._reply_to(), ref=ref)
            await self._bus.publish(queue, encode(self._source, [pack(wanted)]))
            return await asked
        finally:
            del self._asked[ref]
