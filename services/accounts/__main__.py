"""`python -m services.accounts`: the accounts service alone."""

from __future__ import annotations

from services.accounts.settings import Settings
from services.accounts.wiring import build
from shared.bus.wiring import open_bus
from shared.runtime.log import configure_log
from shared.runtime.service import run, serve


async def main() -> None:
    """Settings → wiring → run."""
    settings = Settings()
    configure_log(settings)
    bus = await open_bus(settings.amqp_url, settings.instance, settings.amqp_limits())
    try:
        await serve([build(settings, bus)], settings)
    finally:
        await bus.close()


if __name__ == "__main__":
    run(main)
