"""Who may connect, and as whom: the handshake, the first frame, tokens and their ends.
docs/protocol.md, "WebSocket"."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from shared.tokens import verifier
from tests.integration.gateway_deployment import ISSUER, Deployment, deployed, eventually
from tests.integration.wire import Wire
from tests.unit.tokens.issuers import Issuer, unsigned

pytestmark = pytest.mark.asyncio(loop_scope="module")
AUTH_FRAME_BYTES = 4096


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    folder = tmp_path_factory.mktemp("entry")
    async with deployed(folder, auth_timeout_s=0.5, origins="https://chat.example.org") as deployment:
        yield deployment


async def refused_handshake(url: str, **how: Any) -> tuple[int, str]:
    """The HTTP status of the refusal, and its code."""
    with pytest.raises(InvalidStatus) as refused:
        await Wire.connect(url, **how)
    response = refused.value.response
    assert response.headers.get_all("Content-Type") == ["application/problem+json"]
    problem = json.loads(bytes(response.body or b""))
    assert problem["status"] == response.status_code
    return response.status_code, problem["code"]


# ── the handshake ──


async def test_a_welcome_says_who_where_and_what_is_allowed(home: Deployment) -> None:
    async with home.wire() as wire:
        await wire.send({"type": "auth", "token": home.token("olena"), "ref": "a-1"})
        welcome = await wire.frame()
    assert next(iter(welcome)) == "type"
    assert welcome["user"] == {"id": "u-olena", "name": "olena"}
    assert welcome["ref"] == "a-1"
    assert welcome["limits"] == {
        "frame_bytes": 1 << 20, "text_chars": 8000, "inline_file_bytes": home.settings.inline_file_bytes,
        "frames_per_s": 20.0, "frames_burst": 40,
    }  # fmt: skip
    assert {"session", "epoch", "expires_at", "heartbeat_s"} <= welcome.keys()


async def test_two_connections_of_a_user_are_two_sessions_of_one_store(home: Deployment) -> None:
    welcomes = []
    for _ in range(2):
        async with home.wire() as wire:
            await wire.send({"type": "auth", "token": home.token("olena")})
            welcomes.append(await wire.frame())
    assert welcomes[0]["session"] != welcomes[1]["session"]
    assert welcomes[0]["epoch"] == welcomes[1]["epoch"]


@pytest.mark.parametrize("path", ["/other", "/ws/", "/", "//[", "/wsx?y=/ws"])
async def test_another_path_is_not_found(home: Deployment, path: str) -> None:
    assert await refused_handshake(home.ws.removesuffix("/ws") + path) == (404, "not_found")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://[", "null", "https://chat.example.org.evil.example", "file://"]
)
async def test_a_strange_page_may_not_connect(home: Deployment, origin: str) -> None:
    assert await refused_handshake(home.ws, origin=origin) == (403, "forbidden_origin")


async def test_a_page_that_is_refused_is_logged_with_what_to_do(tmp_path: Path) -> None:
    async with deployed(tmp_path) as fresh:
        for _ in range(3):
            await refused_handshake(fresh.ws, origin="https://chat.example.org")
        (line,) = [entry for entry in fresh.log if entry["log_level"] == "warning"]
        assert (line["origin"], line["host"]) == ("https://chat.example.org", fresh.address.removeprefix("http://"))
        assert "HOMIN_ORIGINS" in line["advice"]


async def test_a_proxy_that_does_not_pass_the_upgrade_is_told_so(tmp_path: Path) -> None:
    """nginx speaks HTTP/1.0 to what is behind it, and passes neither Upgrade nor Connection, unless told to."""
    async with deployed(tmp_path) as fresh, fresh.http() as http:
        answer = await http.get("/ws")
        assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
        assert answer.headers["upgrade"] == "websocket"  # RFC 9110, 15.5.22
        (line,) = [entry for entry in fresh.log if entry["log_level"] == "warning"]
        assert "Upgrade" in line["advice"]


@pytest.mark.parametrize(
    "headers", [b"Host: a\r\nOrigin: http://a\r\nOrigin: http://b", b"Host: a\r\nHost: b", b"X-No: host"]
)
async def test_a_handshake_that_names_two_of_one_is_refused(home: Deployment, headers: bytes) -> None:
    reader, writer = await asyncio.open_connection(*home.address.removeprefix("http://").split(":"))
    writer.write(
        b"GET /ws HTTP/1.1\r\n" + headers + b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_our_own_page_and_those_that_are_allowed_may_connect(home: Deployment) -> None:
    for origin in (home.address, "https://chat.example.org", None):
        async with home.wire("olena", origin=origin) as wire:
            await wire.works()


async def test_no_more_connections_than_the_setting_allows(tmp_path: Path) -> None:
    async with deployed(tmp_path, gateway_connections=2) as full, full.wire("a") as first:
        async with full.wire("b"):
            assert await refused_handshake(full.ws) == (503, "overloaded")
        await eventually(lambda: len(full.gateway._started.connections) == 1)
        async with full.wire("c") as third:
            await third.works()
        await first.works()


async def test_health_readiness_and_metrics_share_the_port(home: Deployment) -> None:
    async with home.http() as http:
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).json() == {"status": "ok", "troubles": {}}
        metrics = (await http.get("/metrics")).text
        assert "gateway_connections" in metrics
        assert (await http.get("/other")).status_code == 404


# ── the first frame ──


async def test_whoever_says_nothing_is_closed_without_an_error(home: Deployment) -> None:
    """By which a client can tell that its token was late, not refused."""
    async with home.wire() as wire:
        assert await wire.close() == 4501


async def test_while_no_router_has_answered_a_good_token_is_asked_to_come_back(home: Deployment) -> None:
    """It took as long as the client has for its `auth`, and the client was told never to come back."""
    entry = home.gateway._started.entry
    epoch, entry.epoch = entry.epoch, None
    entry._known_epoch.clear()
    try:
        async with home.wire() as wire:
            await wire.send({"type": "auth", "token": home.token("olena")})
            assert (await wire.frame())["code"] == "unavailable"
            assert await wire.close() == 1012
    finally:
        assert epoch is not None
        entry.store_is(epoch)


async def test_a_ping_does_not_put_the_deadline_off(home: Deployment) -> None:
    async with home.wire() as wire:
        await wire.send({"type": "ping", "ref": "p"})
        assert (await wire.frame())["code"] == "unauthorized"
        assert await wire.close() == 4501


@pytest.mark.parametrize(
    "frame", [{"type": "join", "room": "r"}, {"type": "chat", "room": "r", "id": "1", "text": "x"}]
)
async def test_the_first_frame_must_be_auth(home: Deployment, frame: dict[str, str]) -> None:
    async with home.wire() as wire:
        await wire.send({**frame, "ref": "early"})
        error = await wire.frame()
        assert (error["type"], error["code"], error["ref"]) == ("error", "unauthorized", "early")
        assert await wire.close() == 4501


async def test_a_broken_first_frame_leaves_the_time_for_a_good_one(home: Deployment) -> None:
    async with home.wire() as wire:
        await wire.text(b"{not json")
        assert (await wire.frame())["code"] == "invalid_frame"
        await wire.send({"type": "auth", "token": home.token("olena")})
        assert (await wire.frame())["type"] == "welcome"


async def test_before_the_welcome_a_frame_may_have_4_kib(home: Deployment) -> None:
    frame = {"type": "auth", "token": "x"}
    async with home.wire() as wire:
        await wire.send({**frame, "token": "x" * (AUTH_FRAME_BYTES - len('{"type": "auth", "token": ""}'))})
        assert (await wire.frame())["code"] == "unauthorized"
        assert await wire.close() == 4501
    async with home.wire() as wire:
        await wire.send({**frame, "token": "x" * AUTH_FRAME_BYTES})
        assert await wire.close() == 1009


async def test_after_the_welcome_a_frame_may_have_1_mib(home: Deployment) -> None:
    overhead = len('{"type": "ping", "ref": ""}')
    async with home.wire("olena") as wire:
        await wire.send({"type": "ping", "ref": "x" * ((1 << 20) - overhead)})
        assert (await wire.frame())["code"] == "invalid_frame"
        await wire.works()
        await wire.send({"type": "ping", "ref": "x" * (1 << 20)})
        assert await wire.close() == 1009


# ── tokens ──

STRANGER = Issuer(kid="k1")
OUTSIDE = Issuer(kid="other", iss="https://login.example.org")
HOSTILE: dict[str, tuple[Callable[[], str], str, int]] = {
    "expired": (lambda: ISSUER.token(exp=int(time.time()) - 60), "expired", 4502),
    "unsigned": (lambda: unsigned({"alg": "none", "kid": "k1"}, ISSUER.claims()), "unauthorized", 4501),
    "unsigned, says it is signed": (
        lambda: unsigned({"alg": "EdDSA", "kid": "k1"}, ISSUER.claims()), "unauthorized", 4501,
    ),
    "for somebody else": (lambda: ISSUER.token(aud="other"), "unauthorized", 4501),
    "from another issuer": (lambda: ISSUER.token(iss="other"), "unauthorized", 4501),
    "signed by a stranger under our key's id": (lambda: STRANGER.token(), "unauthorized", 4501),
    "signed by a stranger": (lambda: OUTSIDE.token(iss="homin"), "unauthorized", 4501),
    "without an end": (lambda: ISSUER.token(exp=None), "unauthorized", 4501),
    "without a user": (lambda: ISSUER.token(sub=None), "unauthorized", 4501),
    "with a line break in the name": (lambda: ISSUER.token(name="a\nb"), "unauthorized", 4501),
    "with a direction mark in the name": (lambda: ISSUER.token(name="a\u202eb"), "unauthorized", 4501),
    "no token": (lambda: "x.y.z", "unauthorized", 4501),
    "nothing but dots": (lambda: ".." * 1000, "unauthorized", 4501),
    "letters that are not ASCII": (lambda: "ї" * 50, "unauthorized", 4501),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_token_is_refused_and_costs_nobody_anything(home: Deployment, kind: str) -> None:
    make, code, close = HOSTILE[kind]
    token = make()
    async with home.wire("witness") as witness:
        lines = len(home.log)
        async with home.wire() as wire:
            await wire.send({"type": "auth", "token": token, "ref": "t"})
            error = await wire.frame()
            assert (error["type"], error["code"], error["ref"]) == ("error", code, "t")
            assert error["retryable"] is False
            assert token not in error["text"]
            assert await wire.close() == close
        await witness.works()
        assert [e["event"] for e in home.log[lines:] if e["event"] == "refused"] == ["refused"]
        assert not any(token in str(value) for entry in home.log[lines:] for value in entry.values())


async def test_frames_sent_right_behind_auth_wait_for_the_welcome(home: Deployment) -> None:
    async with home.wire() as wire:
        await wire.send({"type": "auth", "token": home.token("olena")})
        await wire.send({"type": "join", "room": "behind", "ref": "j"})
        await wire.send({"type": "ping", "ref": "p"})
        assert (await wire.frame())["type"] == "welcome"
        assert {(await wire.frame())["ref"], (await wire.frame())["ref"]} == {"j", "p"}


async def test_a_newer_token_renews_a_live_connection(home: Deployment) -> None:
    ends = int(time.time()) + 2
    async with home.wire() as wire:
        await wire.send({"type": "auth", "token": home.token("olena", exp=ends)})
        first = await wire.frame()
        await wire.send({"type": "auth", "token": home.token("olena", exp=ends + 600)})
        second = await wire.frame()
        assert (second["type"], second["session"]) == ("welcome", first["session"])
        assert second["expires_at"] > first["expires_at"]
        await eventually(lambda: time.time() > ends + 0.2)
        await wire.works()


async def test_a_token_that_is_not_renewed_ends_its_connection(home: Deployment) -> None:
    ends = int(time.time()) + 1
    async with home.wire() as wire:
        await wire.send({"type": "auth", "token": home.token("olena", exp=ends)})
        assert (await wire.frame())["type"] == "welcome"
        assert (await wire.frame())["code"] == "expired"
        assert await wire.close() == 4502
        assert ends <= time.time() < ends + 1


async def test_another_users_token_is_refused_on_a_live_connection_which_stays(home: Deployment) -> None:
    async with home.wire("olena") as wire:
        await wire.send({"type": "auth", "token": home.token("taras"), "ref": "x"})
        error = await wire.frame()
        assert (error["code"], error["ref"]) == ("forbidden", "x")
        await wire.works()


async def test_a_bad_token_on_a_live_connection_is_refused_and_the_old_one_counts(home: Deployment) -> None:
    async with home.wire("olena") as wire:
        await wire.send({"type": "auth", "token": "nonsense"})
        assert (await wire.frame())["code"] == "unauthorized"
        await wire.works()


async def test_signing_out_ends_live_connections_and_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "REFETCH_S", 0.0)
    async with deployed(tmp_path, accounts=True) as home, home.http() as http:
        tokens = [(await http.post("/api/accounts/guest", json={"name": n})).json()["token"] for n in ("a", "b")]
        async with home.wire() as mine, home.wire() as theirs:
            for wire, token in zip((mine, theirs), tokens, strict=True):
                await wire.send({"type": "auth", "token": token})
                assert (await wire.frame())["type"] == "welcome"
            signed_out = await http.post(
                "/api/accounts/logout", headers={"Authorization": f"Bearer {tokens[0]}", "Cookie": ""}
            )
            assert signed_out.status_code == 204
            assert await mine.close() == 4503
            await theirs.works()
        async with home.wire() as again:
            await again.send({"type": "auth", "token": tokens[0]})
            assert (await again.frame())["code"] == "unauthorized"
            assert await again.close() == 4501
