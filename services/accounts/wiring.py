"""Which adapters the accounts run on."""

from __future__ import annotations

import time

from services.accounts.service import AccountsService
from services.accounts.settings import Settings
from shared.bus.port import Bus
from shared.runtime.database import open_engine
from shared.tokens.jwks import from_issuer


def build(settings: Settings, bus: Bus) -> AccountsService:
    """The service, not started yet. Any number of them may share one database.

    CannotStart where people sign in elsewhere and nothing says where the keys of that place are."""
    return AccountsService(
        settings,
        bus,
        engine=open_engine(settings.database_url, check_connections=True),
        fetch_outside_keys=from_issuer(settings) if settings.outside_issuer else None,
        instance=f"accounts.{settings.instance}",
        now=time.time,
    )
