"""Runs the file service alone: python -m services.files"""

from __future__ import annotations

from services.files.settings import Settings
from services.files.wiring import build
from shared.runtime.process import main

if __name__ == "__main__":
    main(Settings, lambda settings, bus: [build(settings, bus)])
