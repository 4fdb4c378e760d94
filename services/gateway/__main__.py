"""Runs the gateway alone: python -m services.gateway"""

from __future__ import annotations

from services.gateway.settings import Settings
from services.gateway.wiring import build
from shared.runtime.process import main

if __name__ == "__main__":
    main(Settings, lambda settings, bus: [build(settings, bus)])
