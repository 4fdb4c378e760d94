"""The migrations make the tables that each service's code uses: on both databases, column by column."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from services.accounts.tables import metadata as accounts
from services.files.tables import metadata as files
from services.router.tables import metadata as router
from shared.runtime.database import migrate, open_engine

SERVICES = {"accounts": accounts, "files": files, "router": router}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/homin.db"
    return str(request.getfixturevalue("empty_postgres_url"))


def differences(connection: Connection, metadata: MetaData) -> list[object]:
    """What alembic would have to change in the tables of `metadata` to make them as the code says."""

    def ours(thing: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        # What is only in the database and belongs to another service's table is no business of this one.
        table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
        return table in metadata.tables

    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, metadata))


@pytest.mark.parametrize("service", SERVICES)
async def test_the_migrations_make_the_tables_that_the_code_uses(empty_url: str, service: str) -> None:
    await migrate(empty_url)
    engine = open_engine(empty_url)
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences, SERVICES[service]) == []
    finally:
        await engine.dispose()
