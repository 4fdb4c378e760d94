"""`python -m services.accounts`: the accounts service alone."""

from __future__ import annotations

from services.accounts.settings import Settings
from services.accounts.wiring import build
from shared.runtime.process import main

if __name__ == "__main__":
    main(Settings, lambda settings, bus: [build(settings, bus)])
