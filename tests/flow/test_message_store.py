"""The store in memory keeps every promise of the port: what the simulation shows then holds for the real stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract import test_store, test_store_retention, test_store_rooms, test_store_threads
from tests.flow.message_store import MemoryMessageStore, Tables

# The same suite as SQLite and PostgreSQL pass, over another `stores`.
for suite in (test_store, test_store_retention, test_store_rooms, test_store_threads):
    globals().update({name: rule for name, rule in vars(suite).items() if name.startswith("test_") or name == "store"})
del test_the_epoch_stays_and_is_this_store_s_own  # type: ignore[name-defined]  # noqa: F821 (it opens a database)


@pytest.fixture
def stores() -> Callable[[], MemoryMessageStore]:
    tables = Tables()
    return lambda: MemoryMessageStore(tables, test_store.SHARDS)
