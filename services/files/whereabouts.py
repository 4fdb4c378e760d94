"""Whether the bytes lie where they are looked for. Nothing says so but they themselves: an operator may have copied
them to another place before changing HOMIN_OBJECTS_URL, or may have mistyped it.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from services.files.core.names import object_key
from services.files.file_store import FileStore
from services.files.objects import Missing, Objects, ObjectsDown
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.files")
NEWEST: Final = 3
PATIENCE_S: Final = 10.0


async def look_for_newest(store: FileStore, objects: Objects, url: str) -> None:
    """Looks for a byte of the newest files. Where there are files and none of them is at `url` the log says so; the
    service starts all the same, since what is lost for good must not keep people from sending more.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            newest = await store.newest(NEWEST)
            if not newest or any([await _is_there(objects, file.id) for file in newest]):
                return
    except (StoreDown, ObjectsDown, TimeoutError) as why:
        log.warning("the newest files could not be looked for", why=str(why) or type(why).__name__)
        return
    sentence = (
        f"Not one of the newest files ({len(newest)} were looked for) is at {url}. Where HOMIN_OBJECTS_URL was another"
        " when they were stored, set it back, or copy what lies there to the new place. Until then they answer 503."
    )
    log.error("files are not where they are looked for", why=sentence)


async def _is_there(objects: Objects, id: str) -> bool:
    try:
        chunks = await objects.open(object_key(id), 0, 1)
    except Missing:
        return False
    async for _ in chunks:
        pass
    return True
