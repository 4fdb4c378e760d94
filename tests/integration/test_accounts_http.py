"""Accounts over HTTP, on both databases. docs/protocol.md, "HTTP"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared.protocol.errors import ErrorCode
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import Identity, TokenRefused, Verifier
from tests.integration import accounts_deployment
from tests.integration.accounts_deployment import Deployment, deployed

database_url = pytest.fixture(params=["sqlite", "postgresql"])(accounts_deployment.database_url)

OLENA = {"name": "Олена", "password": "кобзар 1840"}


@pytest.fixture
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    async with deployed(database_url) as deployment:
        yield deployment


@pytest.fixture
async def client(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    async with deployment.client() as client:
        yield client


async def post(client: httpx.AsyncClient, call: str, body: Any = None, **more: Any) -> httpx.Response:
    """One call."""
    return await client.post(f"/api/accounts/{call}", json=body, **more)


def bearer(answer: httpx.Response) -> dict[str, str]:
    """The headers that bear the token of `answer`."""
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def identity(client: httpx.AsyncClient, token: str) -> Identity:
    """Whose `token` is, to somebody who has only the public keys."""

    async def fetch() -> bytes:
        return (await client.get("/api/accounts/jwks.json")).content

    return await Verifier(TokenSettings(), fetch=fetch).verify(token)


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    """`answer` refuses with `code`."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["detail"].endswith((".", ")."))


async def test_a_guest_gets_a_token_that_everybody_can_verify(client: httpx.AsyncClient) -> None:
    answer = await post(client, "guest", {"name": "Олена"})
    assert answer.status_code == 201
    assert set(answer.json()) == {"token", "expires_in", "user"}
    user = answer.json()["user"]
    assert user == {"id": user["id"], "name": "Олена", "guest": True}
    assert answer.json()["expires_in"] == 3600
    assert answer.headers["cache-control"] == "no-store"
    found = await identity(client, answer.json()["token"])
    assert (found.user_id, found.name) == (user["id"], "Олена")
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    assert set(claims) == {"sub", "name", "iss", "aud", "iat", "exp", "jti"}
    assert claims["exp"] - claims["iat"] == 3600


async def test_two_guests_of_one_name_are_two_people(client: httpx.AsyncClient) -> None:
    users = [(await post(client, "guest", {"name": "Олена"})).json()["user"] for _ in range(2)]
    assert users[0]["id"] != users[1]["id"]


async def test_who_registers_can_sign_in_again(client: httpx.AsyncClient) -> None:
    registered = await post(client, "register", OLENA)
    assert registered.status_code == 201
    assert registered.json()["user"]["guest"] is False
    signed_in = await post(client, "login", OLENA)
    assert signed_in.status_code == 200
    assert signed_in.json()["user"] == registered.json()["user"]
    assert signed_in.json()["token"] != registered.json()["token"]
    assert (await post(client, "login", {**OLENA, "name": "олена"})).json()["user"] == registered.json()["user"]


@pytest.mark.parametrize("other", ["Олена", "олена", "ОЛЕНА"])
async def test_a_registered_name_is_nobody_elses(client: httpx.AsyncClient, other: str) -> None:
    await post(client, "register", OLENA)
    assert_problem(await post(client, "register", {"name": other, "password": "another one"}), 409, "name_taken")
    assert_problem(await post(client, "guest", {"name": other}), 409, "name_taken")


async def test_of_many_who_register_a_name_at_once_one_gets_it(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(post(client, "register", OLENA) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_an_unknown_name_is_answered_like_a_wrong_password(client: httpx.AsyncClient) -> None:
    await post(client, "register", OLENA)
    await post(client, "guest", {"name": "guest"})
    wrong = await post(client, "login", {**OLENA, "password": "wrong"})
    assert_problem(wrong, 401, "bad_credentials")
    for name in ("nobody", "guest"):
        unknown = await post(client, "login", {**OLENA, "name": name})
        assert (unknown.status_code, unknown.json()) == (401, wrong.json())


async def test_a_hash_of_yesterdays_settings_is_renewed_at_sign_in(database_url: str) -> None:
    async with deployed(database_url) as yesterday, yesterday.client() as client:
        await post(client, "register", OLENA)
    async with deployed(database_url, hash_passes=2) as today, today.client() as client:
        for _ in range(2):
            assert (await post(client, "login", OLENA)).status_code == 200
        assert_problem(await post(client, "login", {**OLENA, "password": "wrong"}), 401, "bad_credentials")
    async with deployed(database_url, hash_passes=2) as again, again.client() as client:
        assert (await post(client, "login", OLENA)).status_code == 200


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: httpx.AsyncClient) -> None:
    answer = await post(client, "guest", {"name": "Олена"})
    cookies = dict(cookie.split("=", 1) for cookie in answer.headers.get_list("set-cookie"))
    assert set(cookies) == {"homin_token", "homin_token_as", "homin_refresh", "homin_refresh_as"}
    for cookie in cookies.values():
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
    assert "Path=/api/files;" in cookies["homin_token"]
    assert cookies["homin_token"].startswith(answer.json()["token"])
    assert f"Path=/api/files/as/{answer.json()['user']['id']};" in cookies["homin_token_as"]
    assert cookies["homin_token_as"].startswith(answer.json()["token"])
    assert f"Path=/api/accounts/as/{answer.json()['user']['id']};" in cookies["homin_refresh_as"]
    assert "Path=/api/accounts;" in cookies["homin_refresh"]
    assert f"Max-Age={30 * 86_400};" in cookies["homin_refresh"]


async def test_over_https_cookies_stay_there(deployment: Deployment) -> None:
    async with deployment.client("https://chat.test") as client:
        cookies = (await post(client, "guest", {"name": "Олена"})).headers.get_list("set-cookie")
    assert len(cookies) == 4
    assert all("; Secure" in cookie for cookie in cookies)


async def test_a_token_renews_its_own_sign_in(client: httpx.AsyncClient) -> None:
    first = await post(client, "guest", {"name": "Олена"})
    client.cookies.clear()
    renewed = await post(client, "refresh", headers=bearer(first))
    assert renewed.status_code == 200
    assert renewed.json()["user"] == first.json()["user"]
    assert renewed.json()["token"] != first.json()["token"]
    assert (await identity(client, renewed.json()["token"])).name == "Олена"


async def test_guests_can_be_switched_off(database_url: str) -> None:
    async with deployed(database_url, guests=False) as deployment, deployment.client() as client:
        assert_problem(await post(client, "guest", {"name": "Олена"}), 403, "no_guests")
        assert (await post(client, "register", OLENA)).status_code == 201


async def test_an_address_that_asks_too_often_has_to_wait(database_url: str) -> None:
    async with (
        deployed(database_url, signin_burst=3, signin_per_s=0.01) as deployment,
        deployment.client() as busy,
        deployment.client(address="192.0.2.2") as other,
    ):
        for _ in range(3):
            assert (await post(busy, "guest", {"name": "a"})).status_code == 201
        refused = await post(busy, "login", OLENA)
        assert_problem(refused, 429, "rate_limited")
        assert refused.json()["retryable"] is True
        assert 1 <= int(refused.headers["retry-after"]) <= 100
        assert (await post(other, "guest", {"name": "a"})).status_code == 201


async def test_an_address_that_renews_too_often_has_to_wait_and_may_sign_in(database_url: str) -> None:
    async with (
        deployed(database_url, renewal_burst=3, renewal_per_s=0.01) as deployment,
        deployment.client() as busy,
        deployment.client(address="192.0.2.2") as other,
    ):
        guest = await post(busy, "guest", {"name": "a"})
        for _ in range(3):
            assert (await post(busy, "refresh", headers=bearer(guest))).status_code == 200
        refused = await post(busy, "refresh", headers=bearer(guest))
        assert_problem(refused, 429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 100
        assert (await post(busy, "guest", {"name": "a"})).status_code == 201
        assert (await post(other, "refresh", headers=bearer(guest))).status_code == 200


@pytest.mark.parametrize("call", ["guest", "register", "login", "refresh", "logout"])
async def test_other_pages_may_not_call(client: httpx.AsyncClient, call: str) -> None:
    for origin in ("https://evil.example", "null", "http://chat.test.evil.example"):
        assert_problem(await post(client, call, OLENA, headers={"Origin": origin}), 403, "forbidden_origin")


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Original-Host", "Forwarded"])
async def test_who_asks_cannot_say_which_host_was_asked(client: httpx.AsyncClient, name: str) -> None:
    """Any client can send these. Where a proxy does not pass Host, HOMIN_ORIGINS names the page."""
    value = "host=evil.example;proto=https" if name == "Forwarded" else "evil.example"
    answer = await post(client, "guest", {"name": "a"}, headers={"Origin": "https://evil.example", name: value})
    assert_problem(answer, 403, "forbidden_origin")


@pytest.mark.parametrize("twice", [("Origin", "http://chat.test"), ("Host", "chat.test")])
async def test_a_request_that_names_two_pages_or_hosts_is_refused(
    client: httpx.AsyncClient, twice: tuple[str, str]
) -> None:
    headers = [("Origin", "http://chat.test"), ("Host", "chat.test"), twice]
    answer = await client.post("/api/accounts/guest", json={"name": "a"}, headers=headers)
    assert_problem(answer, 400, "invalid_request")


async def test_a_page_that_is_refused_is_logged_with_what_to_do_and_not_again_at_once(
    client: httpx.AsyncClient,
) -> None:
    with capture_logs() as logged:
        for _ in range(3):
            await post(client, "guest", {"name": "a"}, headers={"Origin": "https://chat.example.org"})
    (line,) = [entry for entry in logged if entry["log_level"] == "warning"]
    assert (line["origin"], line["host"]) == ("https://chat.example.org", "chat.test")
    assert "HOMIN_ORIGINS" in line["advice"]
    assert "Host" in line["advice"]


async def test_our_own_page_and_named_ones_may(database_url: str) -> None:
    async with deployed(database_url, origins="https://app.test") as deployment, deployment.client() as client:
        for origin in ("http://chat.test", "https://app.test", "http://chat.test:80", "https://chat.test"):
            assert (await post(client, "guest", {"name": "a"}, headers={"Origin": origin})).status_code == 201


@pytest.mark.parametrize("call", ["guest", "register", "login"])
@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"", "application/json", 400, "invalid_request"),
        (b"{", "application/json", 400, "invalid_request"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b"\xff\xfe", "application/json", 400, "invalid_request"),
        (b'{"name":"\xff","password":"long enough"}', "application/json", 400, "invalid_request"),
        (b'{"name":"\\ud800","password":"long enough"}', "application/json", 400, "invalid_request"),
        (b'{"name":"a\\u0000","password":"long enough"}', "application/json", 400, "invalid_name"),
        (b'{"name":"a\\u202eb","password":"long enough"}', "application/json", 400, "invalid_name"),
        (b'{"name":"a","password":"long enough","admin":true}', "application/json", 400, "invalid_request"),
        (b'{"name":5,"password":5}', "application/json", 400, "invalid_request"),
        (b"[" * 16_000, "application/json", 400, "invalid_request"),
        (b'{"name":"' + b"a" * 17_000 + b'"}', "application/json", 413, "too_large"),
        (b'{"name":"a"}', "text/plain", 415, "invalid_request"),
        (b"name=a", "application/x-www-form-urlencoded", 415, "invalid_request"),
        (b'{"name":"a"}', "", 415, "invalid_request"),
    ],
)
async def test_a_bad_body_is_refused_in_a_sentence(
    client: httpx.AsyncClient, call: str, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await client.post(f"/api/accounts/{call}", content=content, headers=headers)
    assert_problem(answer, status, code)


async def test_a_body_without_a_length_is_bounded_too(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1 << 20:
            sent += 4096
            yield b" " * 4096

    headers = {"Content-Type": "application/json"}
    assert_problem(await client.post("/api/accounts/guest", content=endless(), headers=headers), 413, "too_large")
    assert sent <= 6 * 4096


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    call=st.sampled_from(["guest", "register", "login", "refresh", "password", "logout"]),
    content=st.binary(max_size=300) | st.text().map(lambda text: text.encode(errors="surrogatepass")),
    authorization=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    cookie=st.none()
    | st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\'), max_size=60),
)
async def test_no_request_is_a_fault_of_ours(
    client: httpx.AsyncClient, call: str, content: bytes, authorization: str | None, cookie: str | None
) -> None:
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = f"Bearer {authorization}"
    if cookie is not None:
        headers["Cookie"] = f"homin_refresh={cookie}"
    answer = await client.post(f"/api/accounts/{call}", content=content, headers=headers)
    assert answer.status_code < 500
    assert answer.status_code == 204 or answer.json()["code"] in set(ErrorCode)


async def test_a_password_that_cannot_be_one_is_told_as_such(client: httpx.AsyncClient) -> None:
    for password in ("short", "x" * 129, "\x00" * 8):
        assert_problem(await post(client, "register", {"name": "a", "password": password}), 400, "invalid_password")
    assert_problem(await post(client, "login", {"name": "a", "password": "x" * 513}), 400, "invalid_password")
    assert_problem(await post(client, "register", {"name": "a\u202e", "password": "long enough"}), 400, "invalid_name")
    assert_problem(await post(client, "register", {"name": "a"}), 400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_wrong_method_is_told(client: httpx.AsyncClient, method: str) -> None:
    assert_problem(await client.request(method, "/api/accounts/login"), 405, "method_not_allowed")


async def test_where_people_sign_in_elsewhere_nobody_signs_in_here(database_url: str) -> None:
    async def keys_of_that_place() -> bytes:
        return b'{"keys": []}'

    elsewhere = deployed(database_url, outside=keys_of_that_place, issuer="https://login.example.org")
    async with elsewhere as deployment, deployment.client() as client:
        for call in ("guest", "register", "login", "password", "refresh"):
            answer = await post(client, call, OLENA)
            assert_problem(answer, 403, "sign_in_elsewhere")
            assert "https://login.example.org" in answer.json()["detail"]


async def test_a_token_of_another_deployment_is_refused(client: httpx.AsyncClient, tmp_path: Any) -> None:
    async with deployed(f"sqlite:///{tmp_path}/other.db") as other, other.client() as stranger:
        foreign = await post(stranger, "guest", {"name": "Олена"})
    with pytest.raises(TokenRefused):
        await identity(client, foreign.json()["token"])
    for call in ("refresh", "password", "logout"):
        assert_problem(await post(client, call, headers=bearer(foreign)), 401, "unauthorized")
