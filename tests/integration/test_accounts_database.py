"""The accounts' store, and how the schema is brought up to date, on both databases."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.accounts.keys import SigningKeys, new_private_key
from services.accounts.settings import Settings
from services.accounts.store import AccountStore
from services.accounts.tables import users
from services.accounts.tokens import make_tokens
from shared.runtime.database import MIGRATION_LOCK, MIGRATIONS, migrate, open_engine, wait_for_database
from shared.runtime.service import CannotStart
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import Verifier
from tests.servers.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/homin.db"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
async def engine(empty_url: str) -> AsyncIterator[AsyncEngine]:
    """A migrated database."""
    await migrate(empty_url)
    engine = open_engine(empty_url)
    yield engine
    await engine.dispose()


async def test_many_processes_migrate_at_once(empty_url: str) -> None:
    code = f"import asyncio; from shared.runtime.database import migrate; asyncio.run(migrate({empty_url!r}))"
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, cwd=MIGRATIONS.parent, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    errors = [(await process.communicate())[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 4, errors


async def test_a_revision_that_fails_leaves_the_schema_as_it_was(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "migrations"
    (broken / "versions").mkdir(parents=True)
    (broken / "env.py").write_text((MIGRATIONS / "env.py").read_text())
    (broken / "versions" / "1.py").write_text(
        "from alembic import op\nrevision = '1'\ndown_revision = None\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (id INTEGER)')\n    op.execute('CREATE NONSENSE')\n"
    )
    monkeypatch.setattr("shared.runtime.database.MIGRATIONS", broken)
    with pytest.raises(Exception, match="NONSENSE"):
        await migrate(empty_url)
    engine = open_engine(empty_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE half (id INTEGER)"))
    await engine.dispose()


async def test_of_many_first_keys_one_becomes_the_deployments(engine: AsyncEngine) -> None:
    engines = [open_engine(engine.url.render_as_string(hide_password=False)) for _ in range(4)]
    stores = [AccountStore(one) for one in engines]
    candidates = [new_private_key() for _ in stores]
    found = await asyncio.gather(
        *(store.signing_keys(key, 1_000) for store, key in zip(stores, candidates, strict=True))
    )
    assert len({tuple(keys) for keys in found}) == 1
    assert len(found[0]) == 1
    assert found[0][0] in candidates
    # And it stays, whatever a later start offers.
    assert await stores[0].signing_keys(new_private_key(), 2_000) == found[0]
    for one in engines:
        await one.dispose()


async def test_thousands_of_tokens_for_tools_are_made_at_once(engine: AsyncEngine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    settings = Settings(database_url=url)
    now = int(time.time())
    began = time.perf_counter()
    tokens = list(await make_tokens(settings, [f"user-{n:04}" for n in range(1, 5_001)], 600, now))
    assert time.perf_counter() - began < 30  # some 1.5 s on two cores; one hashed password each would take ten minutes
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(users))).scalar() == 5_000
    keys = SigningKeys("homin", "homin")
    keys.use(await AccountStore(engine).signing_keys(new_private_key(), now))
    verifier = Verifier(TokenSettings(), fetch=keys.fetch)
    identities = [await verifier.verify(token) for token in tokens[::500]]
    assert [identity.name for identity in identities] == [f"user-{n:04}" for n in range(1, 5_001, 500)]
    assert {identity.expires_at for identity in identities} == {now + 600}
    assert len(set(tokens)) == 5_000


async def test_a_database_that_starts_late_is_waited_for(own_postgres: Postgres) -> None:
    url = own_postgres.make_database()
    own_postgres.stop()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await migrate(url)
    waiting = asyncio.create_task(wait_for_database(url))
    await asyncio.to_thread(own_postgres.start)
    await waiting
    engine = open_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(users))).scalar() == 0
    await engine.dispose()


async def test_a_database_that_goes_away_after_it_has_answered_is_waited_for_again(own_postgres: Postgres) -> None:
    """A process that starts while the database restarts would end otherwise."""
    url = own_postgres.make_database()
    holder = await asyncpg.connect(url)
    await holder.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
    waiting = asyncio.create_task(wait_for_database(url))
    while not await holder.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        assert not waiting.done()
    await asyncio.to_thread(own_postgres.stop)
    await asyncio.to_thread(own_postgres.start)
    await waiting
    engine = open_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(users))).scalar() == 0
    await engine.dispose()


async def test_a_database_that_lets_nobody_in_is_told_at_once(postgres: Postgres) -> None:
    missing = urlunsplit(urlsplit(postgres.url)._replace(path="/no_such_database"))
    with pytest.raises(CannotStart, match='database "no_such_database" does not exist'):
        await wait_for_database(missing)
