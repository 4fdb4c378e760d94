"""Runs the router alone: python -m services.router"""

from __future__ import annotations

from services.router.settings import Settings
from services.router.wiring import build
from shared.runtime.process import main

if __name__ == "__main__":
    main(Settings, lambda settings, bus: [build(settings, bus)])
