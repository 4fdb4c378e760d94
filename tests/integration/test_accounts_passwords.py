"""Which passwords are taken, and how one is changed, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from services.accounts.core.claims import Grant, User
from services.accounts.core.devices import Device
from services.accounts.core.forms import name_key
from services.accounts.records import Opening
from services.accounts.sign_in_store import Noted
from services.accounts.store import AccountStore
from shared.runtime.database import open_engine
from tests.integration import accounts_deployment
from tests.integration.accounts_deployment import Deployment, deployed, heard, tokens_of
from tests.integration.test_accounts_http import OLENA, assert_problem, bearer, post
from tests.integration.test_accounts_sessions import own_address, own_cookies, refresh, token_id, token_of, user_id

database_url = pytest.fixture(params=["sqlite", "postgresql"])(accounts_deployment.database_url)

OLD, NEW = OLENA["password"], "хіба ревуть воли"
CHANGE = {"password": OLD, "new": NEW}
HOUR = 3_600


@pytest.fixture
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    async with deployed(database_url) as deployment:
        yield deployment


@pytest.fixture
async def client(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    async with deployment.client() as client:
        yield client


async def change(client: httpx.AsyncClient, who: httpx.Response, body: Any = CHANGE) -> httpx.Response:
    """Asks for another password with the token of `who`."""
    return await post(client, "password", body, headers=bearer(who))


async def is_signed_in(client: httpx.AsyncClient, who: httpx.Response) -> bool:
    """Whether the token of `who` still counts."""
    kept = httpx.Cookies(client.cookies)
    client.cookies.clear()
    answer = await post(client, "refresh", headers=bearer(who))
    client.cookies = kept
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


@pytest.mark.parametrize("password", ["password1", "Qwerty123!", "ОЛЕНА олена", "гомін гомін"])
async def test_a_password_that_is_guessed_first_is_refused(client: httpx.AsyncClient, password: str) -> None:
    assert_problem(await post(client, "register", {**OLENA, "password": password}), 400, "weak_password")
    registered = await post(client, "register", OLENA)
    assert_problem(await change(client, registered, {"password": OLD, "new": password}), 400, "weak_password")
    assert (await post(client, "login", OLENA)).status_code == 200


@pytest.mark.parametrize("password", ["password1", "ж" * 256, "1"])
async def test_whoever_has_a_password_that_would_be_refused_now_still_signs_in(
    deployment: Deployment, client: httpx.AsyncClient, password: str
) -> None:
    engine = open_engine(deployment.settings.database_url)
    opening = Opening("s-1", "r-1", Grant("t-1", 1_000, 2_000), 3_000)
    kept = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    user = User("u-1", "Олена", guest=False)
    assert await AccountStore(engine).register(user, name_key(user.name), kept, opening)
    await engine.dispose()
    signed_in = await post(client, "login", {"name": "Олена", "password": password})
    assert signed_in.status_code == 200
    assert (await change(client, signed_in, {"password": password, "new": NEW})).status_code == 200


async def test_the_new_password_counts_and_the_old_one_no_more(client: httpx.AsyncClient) -> None:
    registered = await post(client, "register", OLENA)
    changed = await change(client, registered)
    assert changed.status_code == 200
    assert set(changed.json()) == {"token", "expires_in", "user"}
    assert changed.json()["user"] == registered.json()["user"]
    assert_problem(await post(client, "login", OLENA), 401, "bad_credentials")
    assert (await post(client, "login", {**OLENA, "password": NEW})).status_code == 200


async def test_who_changes_it_stays_signed_in_and_every_other_session_is_over(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    mine = [await post(client, "register", OLENA), await refresh(client)]
    other_browsers = [deployment.client() for _ in range(3)]
    others = [await post(browser, "login", OLENA) for browser in other_browsers]
    others.append(await post(other_browsers[0], "refresh"))
    taras = await post(deployment.client(), "register", {"name": "Тарас", "password": OLD})
    mailbox = await deployment.mailbox()
    changed = await change(client, mine[1])
    assert tokens_of(await heard(mailbox)) == {token_id(answer) for answer in others}
    for browser in other_browsers:
        assert_problem(await post(browser, "refresh"), 401, "unauthorized")
    assert not any([await is_signed_in(client, answer) for answer in others])
    assert all([await is_signed_in(client, answer) for answer in (*mine, changed, taras)])
    assert (await refresh(client)).status_code == 200


async def test_a_refresh_token_that_somebody_has_copied_renews_nothing_any_more(client: httpx.AsyncClient) -> None:
    registered = await post(client, "register", OLENA)
    copied = client.cookies["homin_refresh"]
    changed = await change(client, registered)
    kept = client.cookies["homin_refresh"]
    assert kept != copied
    assert_problem(await refresh(client, copied), 401, "unauthorized")
    assert (await refresh(client, kept)).json()["user"] == changed.json()["user"]


async def test_a_tab_goes_on_though_the_browser_s_cookies_were_of_another_of_its_sessions(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    first = await post(client, "register", OLENA)
    await post(client, "login", OLENA)  # in another tab: its cookies are now the browser's
    changed = await change(client, first)
    assert own_cookies(client) == {user_id(first): token_of(changed)}
    deployment.ahead_s = 2 * HOUR  # the laptop slept, and the token has expired
    for call in ("refresh", own_address(first, "refresh")):
        assert (await post(client, call)).json()["user"] == first.json()["user"]


async def test_somebody_else_s_cookie_in_the_same_browser_stays(client: httpx.AsyncClient) -> None:
    olena = await post(client, "register", OLENA)
    taras = await post(client, "guest", {"name": "Тарас"})
    tarass_cookie = client.cookies["homin_refresh"]
    assert (await change(client, olena)).status_code == 200
    assert client.cookies["homin_refresh"] == tarass_cookie
    assert (await post(client, "refresh")).json()["user"] == taras.json()["user"]


async def test_a_wrong_old_password_is_answered_like_a_bad_sign_in(client: httpx.AsyncClient) -> None:
    registered = await post(client, "register", OLENA)
    bad = await post(client, "login", {**OLENA, "password": "wrong"})
    for wrong in ("wrong", NEW, ""):
        answer = await change(client, registered, {"password": wrong, "new": NEW})
        assert (answer.status_code, answer.json()) == (401, bad.json())
    assert_problem(await change(client, registered, {"password": "x" * 513, "new": NEW}), 401, "bad_credentials")
    assert await is_signed_in(client, registered)
    assert (await post(client, "login", OLENA)).status_code == 200


async def test_a_wrong_old_password_takes_as_long_as_a_bad_sign_in(
    deployment: Deployment, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that takes time is what is done in the threads that hash."""
    registered = await post(client, "register", OLENA)
    done: list[str] = []
    in_thread = deployment.service._passwords._in_thread

    async def counted(work: Any) -> Any:
        done.append(work.__qualname__)
        return await in_thread(work)

    monkeypatch.setattr(deployment.service._passwords, "_in_thread", counted)
    await post(client, "login", {**OLENA, "password": "wrong"})
    at_sign_in = done[:]
    done.clear()
    await change(client, registered, {"password": "wrong", "new": NEW})
    assert done == at_sign_in
    assert len(done) == 1


async def test_a_wrong_old_password_is_told_before_what_is_wrong_with_the_new_one(client: httpx.AsyncClient) -> None:
    registered = await post(client, "register", OLENA)
    answer = await change(client, registered, {"password": "wrong", "new": "password1"})
    assert_problem(answer, 401, "bad_credentials")


@pytest.mark.parametrize("new", ["short", "x" * 129, "\x00" * 8])
async def test_a_new_password_that_cannot_be_one_is_told_as_such(client: httpx.AsyncClient, new: str) -> None:
    registered = await post(client, "register", OLENA)
    assert_problem(await change(client, registered, {"password": OLD, "new": new}), 400, "invalid_password")
    assert_problem(await change(client, registered, {"password": OLD}), 400, "invalid_request")
    assert_problem(await change(client, registered, {**CHANGE, "name": "Олена"}), 400, "invalid_request")


async def test_a_guest_has_no_password_to_change(client: httpx.AsyncClient) -> None:
    guest = await post(client, "guest", {"name": "Олена"})
    answer = await change(client, guest)
    assert_problem(answer, 403, "forbidden")
    assert "guest" in answer.json()["detail"]


async def test_nobody_changes_it_with_a_cookie_alone_or_a_token_that_was_signed_out(client: httpx.AsyncClient) -> None:
    registered = await post(client, "register", OLENA)
    assert_problem(await post(client, "password", CHANGE), 401, "unauthorized")
    await post(client, "logout", headers=bearer(registered))
    assert_problem(await change(client, registered), 401, "unauthorized")
    assert (await post(client, "login", OLENA)).status_code == 200


async def test_guesses_at_the_old_password_count_with_those_at_sign_in(database_url: str) -> None:
    async with deployed(database_url, signin_burst=5, signin_per_s=0.001) as deployment, deployment.client() as client:
        registered = await post(client, "register", OLENA)
        for _ in range(4):
            assert_problem(await change(client, registered, {"password": "wrong", "new": NEW}), 401, "bad_credentials")
        assert_problem(await change(client, registered), 429, "rate_limited")
        assert_problem(await post(client, "login", OLENA), 429, "rate_limited")


async def test_of_two_who_change_it_at_once_one_is_heard(deployment: Deployment, client: httpx.AsyncClient) -> None:
    sessions = [await post(client, "register", OLENA), *[await post(client, "login", OLENA) for _ in range(3)]]
    news = [f"{NEW} {n}" for n in range(4)]
    bodies = [{"password": OLD, "new": new} for new in news]
    answers = await asyncio.gather(*(change(client, who, body) for who, body in zip(sessions, bodies, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    (heard_one,) = (n for n, answer in enumerate(answers) if answer.status_code == 200)
    assert [await is_signed_in(client, who) for who in sessions] == [n == heard_one for n in range(4)]
    signed_in = [await post(client, "login", {**OLENA, "password": new}) for new in news]
    assert [answer.status_code == 200 for answer in signed_in] == [n == heard_one for n in range(4)]


async def test_no_session_that_the_old_password_opens_meanwhile_outlives_it(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    registered = await post(client, "register", OLENA)
    engine = open_engine(deployment.settings.database_url)
    store = AccountStore(engine)
    shown = await store.registered(name_key("Олена"))
    assert shown is not None
    assert (await change(client, registered)).status_code == 200
    # Somebody's sign-in, between the look at the old hash and the session that it opens.
    noted = Noted("~late", shown.user.id, shown.user.name, 1_000, Device("", ""))
    assert not await store.open_session(shown, Opening("s-late", "r-late", Grant("t-late", 1_000, 2_000), 3_000), noted)
    await engine.dispose()


async def test_sign_ins_beside_a_change_are_over_or_refused(deployment: Deployment, client: httpx.AsyncClient) -> None:
    registered = await post(client, "register", OLENA)
    browsers = [deployment.client() for _ in range(12)]
    sign_ins = [post(browser, "login", OLENA) for browser in browsers]
    *answers, changed = await asyncio.gather(*sign_ins, change(client, registered))
    assert changed.status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert not any([await is_signed_in(client, answer) for answer in answers if answer.status_code == 200])


async def test_a_rehash_meanwhile_does_not_make_a_right_password_wrong(database_url: str) -> None:
    async with deployed(database_url) as yesterday, yesterday.client() as client:
        await post(client, "register", OLENA)
    async with deployed(database_url, hash_passes=2) as today:
        answers = await asyncio.gather(*(post(today.client(), "login", OLENA) for _ in range(8)))
        assert [answer.status_code for answer in answers] == [200] * 8


async def test_a_token_that_outlives_its_session_is_ended_as_well(database_url: str) -> None:
    async with (
        deployed(database_url, refresh_s=HOUR, token_s=24 * HOUR) as deployment,
        deployment.client() as client,
        deployment.client() as elsewhere,
    ):
        deployment.ahead_s = -2 * HOUR
        await post(client, "register", OLENA)
        old = await post(elsewhere, "login", OLENA)
        deployment.ahead_s = 0
        fresh = await post(client, "login", OLENA)
        engine = open_engine(deployment.settings.database_url)
        await AccountStore(engine).tidy(int(deployment.service._now()), guests_before=0)
        await engine.dispose()
        mailbox = await deployment.mailbox()
        assert (await change(client, fresh)).status_code == 200
        assert token_id(old) in tokens_of(await heard(mailbox))
