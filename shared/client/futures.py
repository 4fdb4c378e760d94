"""Futures for answers that nobody has to wait for."""

from __future__ import annotations

import asyncio
from typing import Any


def quiet_future() -> asyncio.Future[Any]:
    """Whoever cares for its outcome awaits it, and nobody has to."""
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return future
