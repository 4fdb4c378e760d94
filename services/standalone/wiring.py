"""Which services share the process. Each is built by its own wiring, as when it runs alone."""

from __future__ import annotations

from collections.abc import Sequence

from services.accounts.wiring import build as build_accounts
from services.files.wiring import build as build_files
from services.gateway.wiring import build as build_gateway
from services.router.wiring import build as build_router
from services.standalone.page import Page
from services.standalone.settings import Settings
from shared.bus.port import Bus
from shared.runtime.service import Service


def build(settings: Settings, bus: Bus) -> Sequence[Service]:
    """All services, in the order in which they start; the page last, since its route takes what no other has taken."""
    accounts = build_accounts(settings, bus)
    return [
        accounts,
        build_router(settings, bus),
        # Handed over, not fetched from where this process is thought to listen: an address written twice is wrong once.
        build_files(settings, bus, fetch_keys=accounts.fetch_keys),
        build_gateway(settings, bus, fetch_keys=accounts.fetch_keys),
        Page(settings.web),
    ]
