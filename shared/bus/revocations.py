"""Which tokens are revoked: whoever verifies tokens asks the accounts, until it is told. Two services do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from shared.bus.port import Bus, BusError
from shared.bus.topology import ACCOUNTS
from shared.protocol.bus import RevocationsWanted
from shared.protocol.codec import encode, pack

log = structlog.get_logger("bus")
UNSENT_S = 1.0
"""After the bus has not taken the question, it is asked again in so many seconds …"""
UNANSWERED_S = 5.0
"""… and likewise when it has taken it, and no answer has come."""


class RevocationsAsker:
    """Who reads the mailbox calls `missed` when something may have been lost, and `told` when the answer is there."""

    def __init__(self) -> None:
        self._missing = True
        self._changed = asyncio.Event()

    def missed(self) -> None:
        """Something may have been lost: asked at once, and again until `told`."""
        self._missing = True
        self._changed.set()

    def told(self) -> None:
        """The list has come."""
        self._missing = False
        self._changed.set()

    async def run(self, bus: Bus, address: Callable[[], str]) -> None:
        """Until cancelled. `address`: the mailbox's present one."""
        while True:
            self._changed.clear()
            again_s = await self._ask(bus, address()) if self._missing else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._changed.wait()

    async def _ask(self, bus: Bus, address: str) -> float:
        """Asks; says after how many seconds to ask again."""
        try:
            await bus.publish(ACCOUNTS, encode(address, [pack(RevocationsWanted(reply_to=address))]))
        except BusError as why:
            log.warning("the revoked tokens cannot be asked for yet", why=str(why))
            return UNSENT_S
        return UNANSWERED_S
