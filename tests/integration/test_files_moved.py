"""HOMIN_OBJECTS_URL names another place than where the files were put: nothing is lost, and somebody has to know."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.files.sql import SqlFileStore
from shared.runtime.database import migrate, open_engine
from tests.integration.files_deployment import deployed
from tests.integration.test_files_crashes import ID, OTHER, kept, write


@pytest.fixture
async def database_url(tmp_path: Path) -> AsyncIterator[str]:
    """With two files, one of them empty: of that there are no bytes to be found anywhere."""
    url = f"sqlite:///{tmp_path}/homin.db"
    await migrate(url)
    engine = open_engine(url)
    store = SqlFileStore(engine)
    for file in (kept(), kept(OTHER, message_id="m-2")._replace(size=0, stored_at_ms=2_000)):
        await store.begin(file.id, 1)
        await store.keep(file)
        await store.posted(file.id)
    yield url
    await engine.dispose()


async def said_at_start(database_url: str, folder: Path) -> list[MutableMapping[str, Any]]:
    with capture_logs() as log:
        async with deployed(database_url, folder, router=False):
            pass
    return [line for line in log if line["log_level"] == "error"]


async def test_files_that_are_elsewhere_are_told_at_the_start(database_url: str, tmp_path: Path) -> None:
    await write(tmp_path / "before", ID)
    (line,) = await said_at_start(database_url, tmp_path / "after")
    for word in ("HOMIN_OBJECTS_URL", str(tmp_path / "after")):
        assert word in line["why"]


async def test_files_that_are_where_they_were_put_are_nothing_to_tell(database_url: str, tmp_path: Path) -> None:
    await write(tmp_path / "before", ID)
    assert await said_at_start(database_url, tmp_path / "before") == []
