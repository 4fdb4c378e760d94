"""Asks the router, over the bus, whether someone may read a room. Only it knows, and only now: nothing is kept."""

from __future__ import annotations

from shared.bus.port import Bus, BusError
from shared.bus.requests import NoAnswer, Requests
from shared.bus.topology import shard_queue
from shared.protocol.bus import Access, AccessWanted
from shared.protocol.codec import encode, pack
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import shard_of
from shared.runtime.metrics import histogram

SECONDS = histogram("files_access_seconds", "From the question whether someone is a member to the router's answer")


class RoomAccess:
    """`bound`: questions under way."""

    def __init__(self, bus: Bus, source: str, shards: int, requests: Requests[Access], *, bound: int) -> None:
        self._bus, self._source, self._shards, self._requests, self._bound = bus, source, shards, requests, bound

    async def require(self, room: str, user_id: str) -> None:
        """Returns if the user is a member. Refused: `no_such_room`, `not_joined`, `unavailable`, `overloaded`."""
        access = await self.ask(room, user_id)
        if not access.exists:
            raise Refused(ErrorCode.NO_SUCH_ROOM, "There is no room of this name.")
        if not access.allowed:
            raise Refused(ErrorCode.NOT_JOINED, "You are not a member of this room. Join it first.")

    async def ask(self, room: str, user_id: str) -> Access:
        """What the router says. Raises Refused: `unavailable`, `overloaded`."""
        if len(self._requests) >= self._bound:
            raise Refused(ErrorCode.OVERLOADED, "The server is overloaded. Try again in a moment.", 1_000)
        queue = shard_queue(shard_of(room, self._shards))

        async def send(ref: str, reply_to: str) -> None:
            wanted = AccessWanted(room=room, user=user_id, reply_to=reply_to, ref=ref)
            await self._bus.publish(queue, encode(self._source, [pack(wanted)]))

        try:
            with SECONDS.time():
                return await self._requests.ask_until_answered(send)
        except (NoAnswer, BusError):
            text = "It cannot be found out right now whether you are a member. Try again in a moment."
            raise Refused(ErrorCode.UNAVAILABLE, text, 1_000) from None
