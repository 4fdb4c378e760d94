"""Has sign-ins written in people's own logs.

A sign-in is noted with its session (sign_in_store.py), so it neither fails nor waits because the bus is away: this
tells of it as soon as there is a bus, and where this process dies, the next one does, or another. Told twice it is the
same entry, since the id is noted with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from services.accounts.sign_in_store import Noted, SignInStore
from shared.bus.port import Bus, BusError
from shared.bus.topology import OWN_LOGS
from shared.protocol.bus import SignedIn
from shared.protocol.codec import encode, pack, timestamp
from shared.protocol.server import Device, User
from shared.runtime.outage import StoreDown, outages_as_store_down

log = structlog.stdlib.get_logger("homin.accounts")

AT_ONCE: Final = 500
"""Sign-ins in one body, at most some 500 bytes each."""
LOOK_S: Final = 60.0
"""How often it is looked for what another process has noted and not told."""
KEPT_S: Final = 600
"""How long a sign-in is kept once the bus has taken it. Whoever starts tells again of all that are kept: a bus within
one process dies with it, and with what nobody has written yet."""
AGAIN_S: Final = 1.0
AGAIN_AT_MOST_S: Final = 30.0


class SignInNotices:
    """`now`: Unix seconds."""

    def __init__(self, bus: Bus, source: str, store: SignInStore, now: Callable[[], float]) -> None:
        self._bus, self._source, self._store, self._now = bus, source, store, now
        self._something = asyncio.Event()

    def soon(self) -> None:
        """Somebody has signed in. Does not wait."""
        self._something.set()

    async def run(self) -> None:
        """Tells until cancelled."""
        started, pause_s = False, AGAIN_S
        while True:
            self._something.clear()
            try:
                async with outages_as_store_down():
                    if not started:
                        await self._store.tell_again()
                        started = True
                    while await self._tell():
                        pass
                    await self._store.forget(int(self._now()) - KEPT_S)
            except (StoreDown, BusError) as why:
                log.warning("sign-ins wait to be told", why=str(why))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, AGAIN_AT_MOST_S)
                continue
            pause_s = AGAIN_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._something.wait()

    async def _tell(self) -> bool:
        """The oldest that are untold; False: there were none."""
        untold = await self._store.untold(AT_ONCE)
        if not untold:
            return False
        await self._bus.publish(OWN_LOGS, _body(self._source, untold))
        await self._store.told([noted.id for noted in untold], int(self._now()))
        return True


def _body(source: str, untold: Sequence[Noted]) -> bytes:
    return encode(source, [pack(_message(noted)) for noted in untold])


def _message(noted: Noted) -> SignedIn:
    name, address = noted.device
    device = Device(at=timestamp(noted.at * 1000), name=name or None, address=address or None)
    return SignedIn(user=User(id=noted.user_id, name=noted.user_name), id=noted.id, device=device)
