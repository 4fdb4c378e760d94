"""The accounts service as a process, and through the faults of what it stands on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import jwt
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from services.accounts import revocations, service
from services.accounts.tables import revoked_tokens
from services.router.settings import Settings as RouterSettings
from shared.bus.memory import Broker
from shared.bus.port import Unavailable
from shared.bus.wiring import open_bus
from shared.runtime.database import MIGRATIONS, open_engine
from shared.tokens.jwks import over_http
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import Verifier
from tests.integration.accounts_deployment import Deployment, deployed, heard, tokens_of
from tests.integration.test_accounts_http import OLENA, assert_problem, bearer, post
from tests.integration.test_accounts_sessions import token_id
from tests.servers.postgres import Postgres

ROOT = MIGRATIONS.parent


@asynccontextmanager
async def process(var: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m …` over the data in `var`; killed at the end if it still runs."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "HOMIN_VAR": str(var), "HOMIN_PORT": "0", "HOMIN_LOG_FORMAT": "json"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def address_of(started: asyncio.subprocess.Process) -> str:
    """Where it listens, as its one line says."""
    assert started.stderr is not None
    async for line in started.stderr:
        if b'"listening"' in line:
            return line.decode().partition('"address": "')[2].partition('"')[0]
    raise AssertionError("it ended before it listened")


async def made_tokens(var: Path, *arguments: str) -> Sequence[str]:
    """What `python -m services.accounts.tokens` prints."""
    async with process(var, "services.accounts.tokens", *arguments) as tool:
        out, err = await tool.communicate()
    assert tool.returncode == 0, err
    return out.decode().splitlines()


async def test_accounts_know_the_queues_as_the_others_do(
    tmp_path: Path, amqp_vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMIN_AMQP_URL", amqp_vhost)
    monkeypatch.setenv("HOMIN_DELIVERY_LIMIT", "7")
    async with process(tmp_path, "services.accounts") as running, asyncio.timeout(30):
        await address_of(running)
        with capture_logs() as log:
            router = await open_bus(amqp_vhost, "router", RouterSettings().amqp_limits())
            await router.close()
    assert log == [], "the queues are not as the router would have made them"


async def test_a_delivery_limit_can_be_changed_after_the_first_start(
    tmp_path: Path, amqp_vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMIN_AMQP_URL", amqp_vhost)
    for limit in ("50", "7"):
        monkeypatch.setenv("HOMIN_DELIVERY_LIMIT", limit)
        async with process(tmp_path, "services.accounts") as running, asyncio.timeout(30):
            await address_of(running)


async def test_another_number_of_shards_ends_the_process_with_a_sentence(
    tmp_path: Path, amqp_vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMIN_AMQP_URL", amqp_vhost)
    async with process(tmp_path, "services.accounts") as running, asyncio.timeout(30):
        await address_of(running)
    monkeypatch.setenv("HOMIN_SHARDS", "8")
    async with process(tmp_path, "services.accounts") as refused, asyncio.timeout(30):
        _, err = await refused.communicate()
    assert refused.returncode == 1
    assert (
        err.decode().splitlines()[-1].startswith("homin: HOMIN_SHARDS is 8, but this broker is a deployment's with 16.")
    )
    assert b"Traceback" not in err


async def test_a_restart_keeps_the_key_the_users_and_the_sign_ins(tmp_path: Path) -> None:
    async with process(tmp_path, "services.accounts") as first:
        async with httpx.AsyncClient(base_url=await address_of(first)) as client:
            registered = await post(client, "register", OLENA)
            keys = (await client.get("/api/accounts/jwks.json")).json()
            cookies = dict(client.cookies)
        first.send_signal(signal.SIGTERM)
        assert await first.wait() == 0
    async with (
        process(tmp_path, "services.accounts") as second,
        httpx.AsyncClient(base_url=await address_of(second)) as client,
    ):
        assert (await client.get("/api/accounts/jwks.json")).json() == keys
        assert (await post(client, "login", OLENA)).json()["user"] == registered.json()["user"]
        client.cookies.clear()
        cookie = {"Cookie": f"homin_refresh={cookies['homin_refresh']}"}
        assert (await post(client, "refresh", headers=cookie)).json()["user"] == registered.json()["user"]


async def test_tokens_for_tools_are_good_at_the_running_service(tmp_path: Path) -> None:
    async with process(tmp_path, "services.accounts") as running:
        address = await address_of(running)
        (one,) = await made_tokens(tmp_path, "olena")
        many = await made_tokens(tmp_path, "--count", "3", "--ttl", "60")
        verifier = Verifier(TokenSettings(), fetch=over_http(f"{address}/api/accounts/jwks.json"))
        assert (await verifier.verify(one)).name == "olena"
        identities = [await verifier.verify(token) for token in many]
        assert [identity.name for identity in identities] == ["user-0001", "user-0002", "user-0003"]
        async with httpx.AsyncClient(base_url=address) as client:
            headers = {"Authorization": f"Bearer {one}"}
            assert_problem(await post(client, "refresh", headers=headers), 401, "unauthorized")
            assert (await post(client, "logout", headers=headers)).status_code == 204
            assert_problem(await post(client, "logout", headers=headers), 401, "unauthorized")


@pytest.mark.parametrize(
    ("arguments", "lasts_s", "told"),
    [
        (["olena"], 3600, b"This token is good until"),
        (["olena", "--ttl", "30d"], 30 * 86_400, b"This token is good until"),
        (["--count", "2", "--ttl", "90m"], 5400, b"These 2 tokens are good until"),
        (["olena", "--ttl", "120"], 120, b"This token is good until"),
    ],
)
async def test_a_tool_is_told_until_when_its_token_is_good(
    tmp_path: Path, arguments: list[str], lasts_s: int, told: bytes
) -> None:
    """And standard output is the tokens alone, for a shell to take."""
    async with process(tmp_path, "services.accounts.tokens", *arguments) as tool:
        out, err = await tool.communicate()
    tokens = out.decode().split("\n")
    assert tokens.pop() == ""
    for token in tokens:
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == lasts_s
        until = datetime.fromtimestamp(claims["exp"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        assert until.encode() in err
    assert told in err
    assert (b"TTL=30d" in err) == ("--ttl" not in arguments)


async def test_make_passes_the_lifetime_on(tmp_path: Path) -> None:
    """`make token` said nothing of its hour, and took no other."""
    for target, more in (("token", "NAME=olena"), ("tokens", "COUNT=2")):
        made = await asyncio.create_subprocess_exec(
            "make", "--dry-run", target, more, "TTL=30d", cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await made.communicate()
        assert b"--ttl 30d" in out.replace(b'"', b"")


async def test_a_long_token_ends_at_a_sign_out_and_is_remembered_as_long_as_it_would_live(tmp_path: Path) -> None:
    (token,) = await made_tokens(tmp_path, "bot", "--ttl", "30d")
    headers = {"Authorization": f"Bearer {token}"}
    for expected in (204, 401):  # the second process knows it from the database
        async with process(tmp_path, "services.accounts") as running:
            async with httpx.AsyncClient(base_url=await address_of(running)) as client:
                assert (await post(client, "logout", headers=headers)).status_code == expected
                assert_problem(await post(client, "logout", headers=headers), 401, "unauthorized")
            running.send_signal(signal.SIGTERM)
            await running.wait()
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/homin.db")
    async with engine.connect() as connection:
        ends = (await connection.execute(select(revoked_tokens.c.expires_at))).scalars().all()
    await engine.dispose()
    assert ends == [jwt.decode(token, options={"verify_signature": False})["exp"]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a\u202eb"], b"The name must not contain"),
        (["x" * 33], b"The name"),
        (["--count", "0"], b"at least 1"),
        (["--ttl", "-5"], b"at least 1"),
        (["olena", "--count", "2"], b"not both"),
        (["olena", "--ttl", "soon"], b"30d"),
        (["olena", "--ttl", "31d"], b"HOMIN_REFRESH_S"),
        (["olena", "--ttl", "9" * 5000 + "d"], b"HOMIN_REFRESH_S"),
    ],
)
async def test_a_tool_is_told_what_is_wrong(tmp_path: Path, arguments: list[str], says: bytes) -> None:
    async with process(tmp_path, "services.accounts.tokens", *arguments) as tool:
        out, err = await tool.communicate()
    assert (out, tool.returncode) == (b"", 1)
    assert says in err
    assert b"Traceback" not in err


async def test_a_database_that_goes_away_is_told_and_comes_back(
    own_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOOK_S", 0.05)
    async with deployed(own_postgres.make_database()) as deployment, deployment.client() as client:
        first = await post(client, "register", OLENA)
        await asyncio.to_thread(own_postgres.kill)
        for call in ("guest", "login", "refresh", "logout"):
            body = {"name": "a"} if call == "guest" else OLENA
            answer = await post(client, call, body, headers=bearer(first) if call in ("refresh", "logout") else {})
            assert_problem(answer, 503, "unavailable")
            assert answer.json()["retryable"] is True
        await until_ready(client, 503)
        await asyncio.to_thread(own_postgres.start)
        await until_ready(client, 200)
        assert (await post(client, "login", OLENA)).json()["user"] == first.json()["user"]


async def until_ready(client: httpx.AsyncClient, status: int) -> None:
    """Asks `/readyz` until it answers `status`."""
    async with asyncio.timeout(30):
        while (await client.get("/readyz")).status_code != status:
            await asyncio.to_thread(os.sched_yield)


async def test_a_sign_out_while_the_bus_is_away_is_told_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "AGAIN_S", 0.01)
    async with (
        deployed(f"sqlite:///{tmp_path}/homin.db", broker=Broker()) as deployment,
        deployment.client() as client,
    ):
        mailbox = await deployment.mailbox()
        refused = cut_for(deployment, monkeypatch, times=3)
        answers = [await post(client, "guest", {"name": f"guest {n}"}) for n in range(2)]
        for answer in answers:
            assert (await post(client, "logout", headers=bearer(answer))).status_code == 204
        await deployment.service.broadcast.settled()
        assert refused == ["refused"] * 3
        told: set[str] = set()
        while len(told) < 2:
            told |= tokens_of(await heard(mailbox))
        assert told == {token_id(answer) for answer in answers}


def cut_for(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """The bus refuses the next `times` broadcasts; the list grows with each."""
    refused: list[str] = []
    take = deployment.bus.broadcast

    async def broadcast(body: bytes) -> None:
        if len(refused) < times:
            refused.append("refused")
            raise Unavailable("the broker is not reached")
        await take(body)

    monkeypatch.setattr(deployment.bus, "broadcast", broadcast)
    return refused
