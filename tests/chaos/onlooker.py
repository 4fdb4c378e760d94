"""What the system itself says once all is quiet: the whole `history` of each room, and whom a `joined` shows."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any, Self

from tests.integration.wire import Wire

PAGE = 200
TRIES = 20


class NoAnswer(Exception):
    """The system did not answer, or refused for good."""


class Onlooker:
    """A user of its own, over the bare wire. Asks again, over a new connection if need be, until it is answered."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url, token
        self._wire: Wire | None = None
        self._refs = count(1)
        self.user = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *why: object) -> None:
        if self._wire is not None:
            self._wire.abort()

    async def join(self, room: str) -> dict[str, Any]:
        """A fresh `joined`."""
        return await self._ask({"type": "join", "room": room})

    async def rooms(self) -> dict[str, int]:
        """The newest number of each room that the user is a member of."""
        return {room["room"]: room["seq"] for room in await self.listed()}

    async def listed(self) -> list[dict[str, Any]]:
        """The list of these rooms."""
        return (await self._ask({"type": "rooms"}))["rooms"]  # type: ignore[no-any-return]

    async def history(self, room: str) -> list[dict[str, Any]]:
        """All entries, oldest first, from 1 on."""
        await self.join(room)
        entries: list[dict[str, Any]] = []
        while True:
            after = entries[-1]["seq"] if entries else 0
            page = await self._ask({"type": "history", "room": room, "after": after, "limit": PAGE})
            entries += page["messages"]
            if not page["more"]:
                return entries

    async def _ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        last: object = None
        for _ in range(TRIES):
            try:
                wire = self._wire or await self._connect()
                ref = f"onlooker {next(self._refs)}"
                await wire.send({**frame, "ref": ref})
                while (answer := await wire.frame()).get("ref") != ref:
                    pass
                if answer["type"] != "error":
                    return answer
                last = answer
                if not answer["retryable"]:
                    raise NoAnswer(f"{frame['type']} {frame.get('room')}: {answer}")
                await asyncio.sleep(answer.get("retry_after_ms", 1000) / 1000)
            except (OSError, AssertionError, TimeoutError) as why:
                last = why
                if self._wire is not None:
                    self._wire.abort()
                    self._wire = None
                await asyncio.sleep(0.5)
        raise NoAnswer(f"{frame['type']} {frame.get('room')}: {last!r}")

    async def _connect(self) -> Wire:
        wire = self._wire = await Wire.connect(self.url)
        await wire.send({"type": "auth", "token": self._token})
        self.user = (await wire.of("welcome"))["user"]["id"]
        return wire
