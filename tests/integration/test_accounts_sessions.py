"""How long a sign-in lasts, and how it ends: for the person, for a thief, for every other service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import jwt
import pytest
from sqlalchemy import func, select

from services.accounts.core.rotation import GRACE_S
from services.accounts.store import AccountStore
from services.accounts.tables import metadata
from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import ACCOUNTS
from shared.protocol.bus import RevocationsWanted
from shared.protocol.codec import encode, pack
from shared.runtime.database import open_engine
from shared.tokens.verifier import LEEWAY_S
from tests.integration import accounts_deployment
from tests.integration.accounts_deployment import Deployment, deployed, heard, tokens_of
from tests.integration.test_accounts_http import OLENA, assert_problem, bearer, post

database_url = pytest.fixture(params=["sqlite", "postgresql"])(accounts_deployment.database_url)

DAY = 86_400


@pytest.fixture
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    async with deployed(database_url) as deployment:
        yield deployment


@pytest.fixture
async def client(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    async with deployment.client() as client:
        yield client


def user_id(answer: httpx.Response) -> str:
    return str(answer.json()["user"]["id"])


def token_of(answer: httpx.Response) -> str:
    return str(answer.json()["token"])


def own_cookies(client: httpx.AsyncClient) -> dict[str, str | None]:
    """The access token that the browser sends to the addresses of each account, by the account's id."""
    return {
        cookie.path.removeprefix("/api/files/as/"): cookie.value
        for cookie in client.cookies.jar
        if cookie.name == "homin_token_as"
    }


def refresh_cookie(client: httpx.AsyncClient) -> str:
    """The browser's refresh token."""
    return client.cookies["homin_refresh"]


def token_id(answer: httpx.Response) -> str:
    """The `jti` of the token that `answer` gives."""
    return str(jwt.decode(answer.json()["token"], options={"verify_signature": False})["jti"])


def expiry(answer: httpx.Response) -> int:
    """When it expires, Unix seconds."""
    return int(jwt.decode(answer.json()["token"], options={"verify_signature": False})["exp"])


async def refresh(client: httpx.AsyncClient, token: str | None = None) -> httpx.Response:
    """Renews by the cookie that the browser has, or by `token` instead."""
    if token is None:
        return await post(client, "refresh")
    client.cookies.clear()
    return await post(client, "refresh", headers={"Cookie": f"homin_refresh={token}"})


async def test_a_sign_in_lasts_as_long_as_it_is_renewed(deployment: Deployment, client: httpx.AsyncClient) -> None:
    first = await post(client, "guest", {"name": "Олена"})
    for day in (29, 58, 87):
        deployment.ahead_s = day * DAY
        renewed = await refresh(client)
        assert renewed.status_code == 200
        assert renewed.json()["user"] == first.json()["user"]
    deployment.ahead_s = (87 + 31) * DAY
    assert_problem(await refresh(client, refresh_cookie(client)), 401, "unauthorized")


async def test_each_refresh_token_yields_the_next(client: httpx.AsyncClient) -> None:
    await post(client, "guest", {"name": "Олена"})
    seen = {refresh_cookie(client)}
    for _ in range(3):
        await refresh(client)
        seen.add(refresh_cookie(client))
    assert len(seen) == 4


async def test_tabs_that_start_together_all_get_in(client: httpx.AsyncClient) -> None:
    await post(client, "guest", {"name": "Олена"})
    shared = refresh_cookie(client)
    answers = await asyncio.gather(*(refresh(client, shared) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert (await refresh(client)).status_code == 200


async def test_a_lost_answer_does_not_end_the_sign_in(deployment: Deployment, client: httpx.AsyncClient) -> None:
    await post(client, "guest", {"name": "Олена"})
    kept = refresh_cookie(client)
    await refresh(client, kept)  # and the lid closes before the answer comes
    deployment.ahead_s = DAY
    assert (await refresh(client, kept)).status_code == 200


async def test_a_stolen_refresh_token_ends_the_sign_in_for_both(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    mailbox = await deployment.mailbox()
    await post(client, "register", OLENA)
    stolen = refresh_cookie(client)
    deployment.ahead_s = 600
    answers = [await refresh(client), await refresh(client)]
    deployment.ahead_s += GRACE_S + 1
    newest = refresh_cookie(client)
    assert_problem(await refresh(client, stolen), 401, "unauthorized")
    assert_problem(await refresh(client, newest), 401, "unauthorized")
    assert tokens_of(await heard(mailbox)) >= {token_id(answer) for answer in answers}
    assert (await post(client, "login", OLENA)).status_code == 200


async def test_a_thief_who_comes_first_is_noticed_when_the_owner_comes(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    await post(client, "register", OLENA)
    stolen = refresh_cookie(client)
    await refresh(client)
    owners = refresh_cookie(client)
    deployment.ahead_s = DAY
    assert (await refresh(client, stolen)).status_code == 200  # as if an answer had been lost
    thiefs = refresh_cookie(client)
    assert (await refresh(client, thiefs)).status_code == 200
    thiefs = refresh_cookie(client)
    assert_problem(await refresh(client, owners), 401, "unauthorized")
    assert_problem(await refresh(client, thiefs), 401, "unauthorized")


async def test_signing_out_ends_every_token_of_the_sign_in(deployment: Deployment, client: httpx.AsyncClient) -> None:
    mailbox = await deployment.mailbox()
    answers = [await post(client, "register", OLENA), await refresh(client), await refresh(client)]
    kept = refresh_cookie(client)
    other = await post(deployment.client(), "login", OLENA)
    left = await post(client, "logout", headers=bearer(answers[1]))
    assert (left.status_code, left.content) == (204, b"")
    assert tokens_of(await heard(mailbox)) == {token_id(answer) for answer in answers}
    for answer in answers:
        client.cookies.clear()
        assert_problem(await post(client, "refresh", headers=bearer(answer)), 401, "unauthorized")
        assert_problem(await post(client, "logout", headers=bearer(answer)), 401, "unauthorized")
    assert_problem(await refresh(client, kept), 401, "unauthorized")
    # The same person's sign-in on another device goes on.
    client.cookies.clear()
    assert (await post(client, "refresh", headers=bearer(other))).status_code == 200


async def test_a_token_that_counts_a_moment_after_its_end_is_signed_out_as_well(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    guest = await post(client, "guest", {"name": "Олена"})
    deployment.ahead_s = guest.json()["expires_in"] + LEEWAY_S - 2
    mailbox = await deployment.mailbox()
    assert (await post(client, "logout", headers=bearer(guest))).status_code == 204
    assert tokens_of(await heard(mailbox)) == {token_id(guest)}


async def test_signing_out_takes_the_cookies_away(client: httpx.AsyncClient) -> None:
    answer = await post(client, "guest", {"name": "Олена"})
    left = await post(client, "logout", headers=bearer(answer))
    assert all("Max-Age=0" in cookie for cookie in left.headers.get_list("set-cookie"))
    assert len(left.headers.get_list("set-cookie")) == 4
    assert not client.cookies


async def test_the_cookie_alone_can_sign_out(deployment: Deployment, client: httpx.AsyncClient) -> None:
    mailbox = await deployment.mailbox()
    answer = await post(client, "guest", {"name": "Олена"})
    assert (await post(client, "logout")).status_code == 204
    assert tokens_of(await heard(mailbox)) == {token_id(answer)}
    assert_problem(await post(client, "logout"), 401, "unauthorized")


async def test_a_tab_renews_and_ends_only_its_own_sign_in(client: httpx.AsyncClient) -> None:
    """A browser has one cookie, though its tabs may be signed in as several people."""
    olena = await post(client, "guest", {"name": "Олена"})
    taras = await post(client, "guest", {"name": "Тарас"})
    tarass_cookie = refresh_cookie(client)
    renewed = await post(client, "refresh", headers=bearer(olena))
    assert renewed.json()["user"] == olena.json()["user"]
    assert refresh_cookie(client) == tarass_cookie
    assert own_cookies(client) == {user_id(olena): token_of(renewed), user_id(taras): token_of(taras)}
    assert (await post(client, "logout", headers=bearer(olena))).status_code == 204
    assert refresh_cookie(client) == tarass_cookie
    assert own_cookies(client) == {user_id(taras): token_of(taras)}
    assert (await refresh(client)).json()["user"] == taras.json()["user"]


def own_address(answer: httpx.Response, call: str) -> str:
    return f"as/{user_id(answer)}/{call}"


async def test_a_tab_that_slept_is_renewed_though_somebody_else_has_signed_in_since(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    olena = await post(client, "guest", {"name": "Олена"})
    taras = await post(client, "guest", {"name": "Тарас"})
    tarass_cookie = refresh_cookie(client)
    for day in (1, 2):
        deployment.ahead_s = day * DAY  # both tokens have long expired
        renewed = await post(client, own_address(olena, "refresh"), headers=bearer(olena))
        assert renewed.json()["user"] == olena.json()["user"]
        assert refresh_cookie(client) == tarass_cookie
    assert (await refresh(client)).json()["user"] == taras.json()["user"]
    assert (await post(client, own_address(taras, "refresh"))).json()["user"] == taras.json()["user"]


async def test_a_tab_that_slept_signs_out_itself_alone(deployment: Deployment, client: httpx.AsyncClient) -> None:
    olena = await post(client, "guest", {"name": "Олена"})
    taras = await post(client, "guest", {"name": "Тарас"})
    deployment.ahead_s = DAY
    assert (await post(client, own_address(olena, "logout"), headers=bearer(olena))).status_code == 204
    assert (await refresh(client)).json()["user"] == taras.json()["user"]
    assert_problem(await post(client, own_address(olena, "refresh")), 401, "unauthorized")
    assert_problem(await post(client, own_address(olena, "logout")), 401, "unauthorized")
    assert set(own_cookies(client)) == {user_id(taras)}


async def test_the_account_s_own_cookie_and_the_shared_one_stay_one_sign_in(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    """A tab renews by its own, a new one by the shared: neither may look like a thief who uses an old token."""
    olena = await post(client, "guest", {"name": "Олена"})
    for hour in range(2, 12):
        deployment.ahead_s = hour * 3_600
        call = own_address(olena, "refresh") if hour % 3 else "refresh"
        assert (await post(client, call)).json()["user"] == olena.json()["user"]
    assert (await post(client, own_address(olena, "logout"))).status_code == 204
    assert not client.cookies


async def test_an_account_s_address_does_not_renew_somebody_else(client: httpx.AsyncClient) -> None:
    olena = await post(client, "guest", {"name": "Олена"})
    kept = refresh_cookie(client)
    assert_problem(await post(client, "as/nobody/refresh"), 401, "unauthorized")
    assert refresh_cookie(client) == kept
    assert (await post(client, own_address(olena, "refresh"))).status_code == 200


async def test_an_expired_token_with_a_good_cookie_is_renewed(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    deployment.ahead_s = -2 * DAY
    old = await post(client, "guest", {"name": "Олена"})
    client.cookies.delete("homin_token")
    deployment.ahead_s = 0
    assert (await post(client, "refresh", headers=bearer(old))).json()["user"] == old.json()["user"]
    client.cookies.clear()
    assert_problem(await post(client, "refresh", headers=bearer(old)), 401, "expired")


async def test_who_asks_gets_the_sign_outs_that_are_still_in_force(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    answers = [await post(client, "guest", {"name": f"guest {n}"}) for n in range(3)]
    for answer in answers[:2]:
        await post(client, "logout", headers=bearer(answer))
    await deployment.service.broadcast.settled()
    late = await deployment.mailbox()
    wanted = encode("gateway", [pack(RevocationsWanted(reply_to=late.address))])
    await MemoryBus(deployment.broker).publish(ACCOUNTS, wanted)
    gone = [token_id(answer) for answer in answers[:2]]
    assert tokens_of(await heard(late)) == set(gone)
    deployment.ahead_s = 2 * 3600
    await MemoryBus(deployment.broker).publish(ACCOUNTS, wanted)
    assert tokens_of(await heard(late)) == set()


async def test_who_asks_and_leaves_disturbs_nobody(deployment: Deployment, client: httpx.AsyncClient) -> None:
    bus = MemoryBus(deployment.broker)
    await bus.publish(ACCOUNTS, encode("gateway", [pack(RevocationsWanted(reply_to="mailbox.gone"))]))
    await bus.publish(ACCOUNTS, b"not a body at all")
    here = await deployment.mailbox()
    await bus.publish(ACCOUNTS, encode("gateway", [pack(RevocationsWanted(reply_to=here.address))]))
    assert tokens_of(await heard(here)) == set()
    assert [body for _, _, body in deployment.broker.dead] == [b"not a body at all"]


async def test_a_sign_out_that_was_never_told_is_told_after_a_restart(database_url: str) -> None:
    async with deployed(database_url) as before, before.client() as client:
        answer = await post(client, "guest", {"name": "Олена"})
        gone = token_id(answer)
        await post(client, "logout", headers=bearer(answer))
    broker = Broker()
    gateway = await MemoryBus(broker).mailbox("gateway-test")
    async with deployed(database_url, broker=broker) as after, after.client() as client:
        assert tokens_of(await heard(gateway)) == {gone}
        assert_problem(await post(client, "refresh", headers=bearer(answer)), 401, "unauthorized")


async def test_two_processes_share_key_users_and_sign_outs(database_url: str) -> None:
    broker = Broker()
    async with (
        deployed(database_url, broker=broker) as one,
        deployed(database_url, broker=broker) as two,
        one.client() as here,
        two.client() as there,
    ):
        sets = [(await client.get("/api/accounts/jwks.json")).content for client in (here, there)]
        assert sets[0] == sets[1]
        registered = await post(here, "register", OLENA)
        signed_in = await post(there, "login", OLENA)
        assert signed_in.json()["user"] == registered.json()["user"]
        await post(there, "logout", headers=bearer(registered))
        here.cookies.clear()
        assert_problem(await post(here, "refresh", headers=bearer(registered)), 401, "unauthorized")


async def test_what_has_expired_is_tidied_away(deployment: Deployment, client: httpx.AsyncClient) -> None:
    answers = [await post(client, "guest", {"name": "Олена"}), await post(client, "register", OLENA)]
    await post(client, "logout", headers=bearer(answers[0]))
    later = expiry(answers[1]) + 40 * DAY
    engine = open_engine(deployment.settings.database_url)

    async def rows() -> dict[str, int]:
        async with engine.connect() as connection:
            tables = metadata.tables.values()
            return {
                table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
                for table in tables
            }

    assert await rows() == {
        "users": 2,
        "sessions": 1,
        "refresh_tokens": 1,
        "access_tokens": 1,
        "revoked_tokens": 1,
        "sign_ins": 0,
        "signing_keys": 1,
    }
    await AccountStore(engine).tidy(later, guests_before=later - 30 * DAY)
    # Who has registered stays, and so does the key.
    assert {name: count for name, count in (await rows()).items() if count} == {"users": 1, "signing_keys": 1}
    await engine.dispose()
