"""Every service's settings at once, and where the built web client lies."""

from __future__ import annotations

from services.accounts.settings import Settings as Accounts
from services.files.settings import Settings as Files
from services.gateway.settings import Settings as Gateway
from services.router.settings import Settings as Router


class Settings(Gateway, Router, Files, Accounts):
    web: str = "web/dist"
    """The folder of the built web client."""
