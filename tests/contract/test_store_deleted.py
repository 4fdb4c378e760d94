"""Gone is gone: of a text that was replaced or deleted no table of either database holds anything."""

from __future__ import annotations

from sqlalchemy import select

from services.router.sql import SqlMessageStore
from services.router.tables import metadata
from tests.contract.routing import chat, delete, edit
from tests.contract.test_store import ANNA, filled, store, stores

__all__ = ["store", "stores"]  # fixtures


async def test_a_deleted_text_stands_nowhere_and_an_edited_one_once(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 0)
    await writer.handle(chat("r", ANNA, "a", "secret one"), chat("r", ANNA, "b", "first"))
    await writer.handle(edit("r", ANNA, "c", 1, "secret two"), edit("r", ANNA, "d", 2, "second"))
    await writer.handle(edit("r", ANNA, "e", 2, "third"), delete("r", ANNA, "f", 1))
    everything = b"".join(entry.frame for entry in (await store.page("r", before=None, after=0, limit=200)).entries)
    rows = repr(await everything_stored(store)).encode()
    assert [everything.count(text) for text in (b"secret", b"first", b"second", b"third")] == [0, 0, 0, 3]
    assert [rows.count(text) for text in (b"secret", b"first", b"second", b"third")] == [0, 0, 0, 1]


async def everything_stored(store: SqlMessageStore) -> list[object]:
    """Every row of every table of the store."""
    async with store._engine.connect() as db:
        return [list(await db.execute(select(table))) for table in metadata.tables.values()]
