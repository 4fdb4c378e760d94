"""A service's own process: settings → bus → wiring → run. Each `__main__` names its settings and its wiring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.bus.port import Bus
from shared.bus.settings import ServiceSettings
from shared.bus.wiring import open_bus
from shared.runtime.log import configure_log
from shared.runtime.service import Service, run, serve

Settings = TypeVar("Settings", bound=ServiceSettings)


def main(read: Callable[[], Settings], build: Callable[[Settings, Bus], Sequence[Service]]) -> None:
    """The process's whole life. `read`: the settings, from the environment. `build`: the services that it runs."""

    async def live() -> None:
        settings = read()
        configure_log(settings)
        bus = await open_bus(settings.amqp_url, settings.instance, settings.amqp_limits())
        try:
            await serve(build(settings, bus), settings)
        finally:
            await bus.close()

    run(live)
