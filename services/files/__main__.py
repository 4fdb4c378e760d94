"""Runs the file service alone: python -m services.files"""

from __future__ import annotations

from services.files.settings import Settings
from services.files.wiring import build
from shared.bus.wiring import open_bus
from shared.runtime.log import configure_log
from shared.runtime.service import run, serve


async def main() -> None:
    settings = Settings()
    configure_log(settings)
    bus = await open_bus(settings.amqp_url, settings.instance, settings.amqp_limits())
    try:
        await serve([build(settings, bus)], settings)
    finally:
        await bus.close()


if __name__ == "__main__":
    run(main)
