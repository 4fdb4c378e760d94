"""The only place that picks the accounts' adapters."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.accounts.accounts import Accounts
from services.accounts.common_passwords import common_passwords
from services.accounts.http import AccountsHttp
from services.accounts.keys import SigningKeys
from services.accounts.passwords import Passwords
from services.accounts.revocations import Answers, Broadcast
from services.accounts.service import AccountsService
from services.accounts.settings import Settings
from services.accounts.sign_in_notices import SignInNotices
from services.accounts.sign_in_store import SignInStore
from services.accounts.store import AccountStore
from shared.bus.port import Bus
from shared.runtime.database import open_engine, wait_for_database
from shared.tokens.jwks import Fetch, from_issuer
from shared.tokens.verifier import Verifier


def build(
    settings: Settings,
    bus: Bus,
    *,
    fetch_outside_keys: Fetch | None = None,
    now: Callable[[], float] = time.time,
) -> AccountsService:
    """The service, not started yet. Any number of them may share one database. `fetch_outside_keys`: gives the keys of
    the place where people sign in, if that is elsewhere; by default they come from there.

    CannotStart where people sign in elsewhere and nothing says where the keys of that place are."""
    source = f"accounts.{settings.instance}"
    engine = open_engine(settings.database_url, check_connections=True)
    store = AccountStore(engine)
    keys = SigningKeys(settings.issuer, settings.audience)
    fetch_keys: Fetch = keys.fetch
    if settings.outside_issuer:
        fetch_keys = fetch_outside_keys or from_issuer(settings)
    verifier = Verifier(settings, fetch=fetch_keys, now=now)
    passwords = Passwords(
        at_once=settings.hashes_at_once,
        waiting=settings.hashes_waiting,
        memory_kib=settings.hash_memory_kib,
        passes=settings.hash_passes,
    )
    broadcast = Broadcast(bus, source)
    notices = SignInNotices(bus, source, SignInStore(engine), now)
    accounts = Accounts(settings, store, keys, passwords, common_passwords(), now)

    async def prepare() -> None:
        await wait_for_database(settings.database_url)

    return AccountsService(
        bus,
        store,
        keys,
        passwords,
        verifier,
        broadcast,
        Answers(bus, source, store, now),
        notices,
        AccountsHttp(settings, accounts, keys, verifier, broadcast, notices),
        fetch_keys=fetch_keys,
        now=now,
        guest_s=settings.refresh_s,
        prepare=prepare,
        dispose=engine.dispose,
    )
