"""Runs everything in one process: python -m services.standalone"""

from __future__ import annotations

from services.standalone.settings import Settings
from services.standalone.wiring import build
from shared.runtime.process import main

if __name__ == "__main__":
    main(Settings, build)
