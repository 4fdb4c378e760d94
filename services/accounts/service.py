"""The accounts service: what its process runs besides HTTP, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import structlog
from starlette.routing import BaseRoute, Route

from services.accounts.http import AccountsHttp
from services.accounts.keys import SigningKeys, new_private_key
from services.accounts.passwords import Passwords
from services.accounts.revocations import Answers, Broadcast
from services.accounts.sign_in_notices import SignInNotices
from services.accounts.store import AccountStore
from shared.bus.port import Bus
from shared.runtime.health import Check
from shared.runtime.outage import StoreDown, outages_as_store_down
from shared.tokens.jwks import Fetch
from shared.tokens.verifier import Verifier

log = structlog.stdlib.get_logger("homin.accounts")

LOOK_S: Final = 5.0
"""How often the database is asked whether it is there, for `/readyz`."""
TIDY_S: Final = 600.0


class AccountsService:
    """What `wiring.build` gives; see shared.runtime.service.Service."""

    name = "accounts"
    websocket = None

    def __init__(
        self,
        bus: Bus,
        store: AccountStore,
        keys: SigningKeys,
        passwords: Passwords,
        verifier: Verifier,
        broadcast: Broadcast,
        answers: Answers,
        notices: SignInNotices,
        http: AccountsHttp,
        *,
        fetch_keys: Fetch,
        now: Callable[[], float],
        guest_s: int,
        prepare: Callable[[], Awaitable[None]],
        dispose: Callable[[], Awaitable[None]],
    ) -> None:
        """`guest_s`: a guest who was not seen for so long is forgotten. `prepare` brings the database to its schema;
        `dispose` gives its connections back."""
        self._bus, self._store, self._keys, self._passwords = bus, store, keys, passwords
        self._verifier, self._answers, self._notices, self._http = verifier, answers, notices, http
        self._now, self._guest_s, self._prepare, self._dispose = now, guest_s, prepare, dispose
        self.broadcast = broadcast
        self.fetch_keys = fetch_keys
        """Gives the issuer's public keys: the way to them for every verifier in this process."""
        self._tasks: list[asyncio.Task[None]] = []
        self._database_trouble: str | None = "The database was not asked yet."

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """`/api/accounts/…`."""
        routes: list[Route] = self._http.routes
        return routes

    @property
    def checks(self) -> Mapping[str, Check]:
        """The database and the bus."""
        return {
            "database": lambda: self._database_trouble,
            "bus": lambda: None if self._bus.connected else "The message bus cannot be reached.",
        }

    async def start(self) -> None:
        """Waits for the database, brings its schema up to date, reads the signing keys or makes the first."""
        await self._prepare()
        now = int(self._now())
        self._keys.use(await self._store.signing_keys(new_private_key(), now))
        self._database_trouble = None
        # A process that died may have stored a sign-out that it never told.
        self.broadcast.soon(await self._store.revocations(now))
        await self._verifier.start()
        for work in (self.broadcast.run, self._answers.run, self._notices.run, self._look, self._tidy):
            self._tasks.append(asyncio.create_task(_for_ever(work), name=f"accounts {work.__name__}"))

    async def drain(self) -> None:
        """Nothing to send elsewhere: requests under way end with the server."""

    async def stop(self) -> None:
        """Gives everything back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self.broadcast.settled()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._verifier.stop()
        self._passwords.close()
        await self._dispose()

    async def _look(self) -> None:
        while True:
            try:
                async with outages_as_store_down(), asyncio.timeout(LOOK_S):
                    await self._store.ping()
                self._database_trouble = None
            except StoreDown as why:
                log.warning("the database does not answer", why=str(why))
                self._database_trouble = "The database cannot be reached."
            await asyncio.sleep(LOOK_S)

    async def _tidy(self) -> None:
        while True:
            now = int(self._now())
            try:
                async with outages_as_store_down():
                    await self._store.tidy(now, guests_before=now - self._guest_s)
            except StoreDown as why:
                log.warning("nothing was tidied away", why=str(why))
            await asyncio.sleep(TIDY_S)


async def _for_ever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await work()
        except Exception:
            log.exception("background work failed and starts again", work=work.__qualname__)
            await asyncio.sleep(1)
