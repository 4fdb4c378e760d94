"""What a service may rely on with SQLite. (PostgreSQL: tests/integration/test_accounts_database.py.)"""

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.database import MIGRATIONS, migrate, open_engine, place_of, reader, wait_for_database
from shared.runtime.service import CannotStart


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/homin.db"


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        await connection.execute(text("CREATE TABLE child (parent INTEGER NOT NULL REFERENCES parent)"))
    yield engine
    await engine.dispose()


async def _count(engine: AsyncEngine) -> int:
    async with reader(engine).connect() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM parent"))).scalar_one())


async def test_a_commit_reaches_the_disk(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar() == 2  # FULL


async def test_the_database_is_its_owners_alone(engine: AsyncEngine, tmp_path: Path) -> None:
    assert await _count(engine) == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").iterdir()}
    assert modes["homin.db"] == 0o600
    assert set(modes.values()) == {0o600}


async def test_references_are_held(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError, match="FOREIGN KEY"):
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO child VALUES (1)"))


async def test_what_fails_half_way_leaves_nothing(engine: AsyncEngine) -> None:
    async def fail_half_way() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO parent VALUES (1)"))
            await connection.execute(text("CREATE TABLE other (id INTEGER)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    assert await _count(engine) == 0
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE other (id INTEGER)"))


async def test_writers_take_turns_and_readers_wait_for_nobody(engine: AsyncEngine) -> None:
    async with engine.begin() as first:
        await first.execute(text("INSERT INTO parent VALUES (1)"))

        async def write() -> None:
            async with engine.begin() as second:
                await second.execute(text("INSERT INTO parent VALUES (2)"))

        writing = asyncio.create_task(write())
        assert await _count(engine) == 0
        assert not writing.done()
    await writing
    assert await _count(engine) == 2


async def test_a_read_then_write_never_loses_its_place(engine: AsyncEngine) -> None:
    async def add_one() -> None:
        async with engine.begin() as connection:
            newest = (await connection.execute(text("SELECT coalesce(max(id), 0) FROM parent"))).scalar_one()
            await connection.execute(text("INSERT INTO parent VALUES (:id)"), {"id": newest + 1})

    await asyncio.gather(*(add_one() for _ in range(20)))
    assert await _count(engine) == 20


async def test_a_schema_is_migrated_once_by_many_processes(url: str) -> None:
    code = f"import asyncio; from shared.runtime.database import migrate; asyncio.run(migrate({url!r}))"
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, cwd=MIGRATIONS.parent, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    errors = [(await process.communicate())[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 4, errors
    engine = open_engine(url)
    async with engine.connect() as connection:
        assert len((await connection.execute(text("SELECT * FROM alembic_version"))).all()) == 1
    await engine.dispose()


async def test_migrating_again_changes_nothing(url: str) -> None:
    await migrate(url)
    engine = open_engine(url)
    schema = text("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    async with engine.connect() as connection:
        before = (await connection.execute(schema)).all()
    await migrate(url)
    async with engine.connect() as connection:
        assert (await connection.execute(schema)).all() == before
    await engine.dispose()


def test_a_database_is_shown_without_its_password_wherever_that_stands() -> None:
    for url in ("postgresql://homin:secret@db:5432/chat", "postgresql://homin@db:5432/chat?password=secret"):
        assert "secret" not in place_of(url)
        assert "db:5432/chat" in place_of(url)


async def test_a_database_that_never_answers_is_not_waited_for_for_ever() -> None:
    with pytest.raises(CannotStart, match=r"nobody:\*\*\*@127\.0\.0\.1:1/homin cannot be used"):
        await wait_for_database("postgresql://nobody:secret@127.0.0.1:1/homin", patience_s=0)


@pytest.mark.parametrize("path", ["/proc/homin/homin.db", "/dev/null/homin.db", "/proc/version"])
async def test_a_place_that_holds_no_database_is_told_at_once(path: str) -> None:
    with pytest.raises(CannotStart, match="cannot be used"):
        await wait_for_database(f"sqlite:///{path}")
