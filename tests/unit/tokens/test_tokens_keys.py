"""Where the keys come from, and what happens while they cannot be had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol.errors import ErrorCode
from shared.runtime.service import CannotStart
from shared.tokens import verifier as verifiers
from shared.tokens.jwks import (
    OUTSIDE_ALGORITHMS,
    OWN_ALGORITHMS,
    SET_BYTES,
    BadKeySet,
    over_http,
    parse_key_set,
)
from shared.tokens.revocations import Revocations
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import KeysUnavailable, TokenRefused, Verifier
from tests.unit.tokens.issuers import Issuer


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


async def test_keys_are_fetched_once_however_many_ask(issuer: Issuer) -> None:
    verifier = Verifier(TokenSettings(), fetch=issuer.fetch)
    await asyncio.gather(*(verifier.verify(issuer.token()) for _ in range(50)))
    assert issuer.asked == 1


async def test_a_new_key_is_fetched_when_its_first_token_comes(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifiers, "REFETCH_S", 0.0)
    verifier = Verifier(TokenSettings(), fetch=issuer.fetch)
    await verifier.verify(issuer.token())
    rotated = Issuer(kid="k2")
    issuer.jwk = rotated.jwk
    assert (await verifier.verify(rotated.token())).user_id == "u-1"
    with pytest.raises(TokenRefused, match="not known"):
        await verifier.verify(issuer.token())


async def test_invented_key_names_do_not_hammer_the_issuer(issuer: Issuer) -> None:
    verifier = Verifier(TokenSettings(), fetch=issuer.fetch)
    await verifier.verify(issuer.token())
    for n in range(100):
        with pytest.raises(TokenRefused, match="not known"):
            await verifier.verify(issuer.token(header={"kid": f"invented-{n}"}))
    assert issuer.asked == 1


async def test_keys_are_kept_while_the_issuer_is_down(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifiers, "REFETCH_S", 0.0)
    verifier = Verifier(TokenSettings(), fetch=issuer.fetch)
    await verifier.verify(issuer.token())
    issuer.away = True
    with pytest.raises(TokenRefused, match="not known"):
        await verifier.verify(issuer.token(header={"kid": "k2"}))
    assert issuer.asked == 2
    assert (await verifier.verify(issuer.token())).user_id == "u-1"
    assert verifier.check() is None


async def test_without_any_key_the_token_is_not_to_blame(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifiers, "RETRY_S", 0.0)
    issuer.away = True
    verifier = Verifier(TokenSettings(), fetch=issuer.fetch)
    with pytest.raises(KeysUnavailable) as caught:
        await verifier.verify(issuer.token())
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.code.retryable
    assert verifier.check() is not None
    issuer.away = False
    assert (await verifier.verify(issuer.token())).user_id == "u-1"


async def test_a_started_verifier_has_its_keys_before_the_first_token(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifiers, "RETRY_S", 0.01)
    answered = asyncio.Event()

    async def fetch() -> bytes:
        if issuer.asked == 2:
            issuer.away = False
        document = await issuer.fetch()
        answered.set()
        return document

    issuer.away = True
    verifier = Verifier(TokenSettings(), fetch=fetch)
    await verifier.start()
    await answered.wait()
    assert issuer.asked == 3
    await verifier.verify(issuer.token())
    await verifier.stop()
    assert verifier.check() is None


async def test_one_who_gives_up_waiting_for_keys_does_not_disturb_the_others(issuer: Issuer) -> None:
    gate = asyncio.Event()

    async def fetch() -> bytes:
        await gate.wait()
        return await issuer.fetch()

    verifier = Verifier(TokenSettings(), fetch=fetch)
    impatient, patient = (asyncio.create_task(verifier.verify(issuer.token())) for _ in range(2))
    await asyncio.wait([patient], timeout=0)
    impatient.cancel()
    gate.set()
    assert (await patient).user_id == "u-1"
    await asyncio.wait([impatient])
    assert impatient.cancelled()


BROKEN_SETS: dict[str, Any] = {
    "not JSON": b"<html>",
    "not UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "without keys": b"{}",
    "empty": b'{"keys":[]}',
    "keys that are none": b'{"keys":[1,null,"a",{},{"kty":"OKP"},{"kty":"OKP","crv":"Ed25519","x":"!"}]}',
    "keys that are no list": b'{"keys":5}',
    "nested deeply": b"[" * 100_000,
    "too large": b'{"keys":[]}'.ljust(SET_BYTES + 1),
}


@pytest.mark.parametrize("document", BROKEN_SETS.values(), ids=BROKEN_SETS.keys())
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(BadKeySet):
        parse_key_set(document, OUTSIDE_ALGORITHMS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
jwk_like = st.fixed_dictionaries(
    {},
    optional={"kty": st.sampled_from(["OKP", "EC", "RSA"]) | json_values}
    | dict.fromkeys(("alg", "use", "kid", "x", "y", "n", "e", "d"), json_values)
    | {"crv": st.sampled_from(["Ed25519", "P-256"]) | json_values},
)


@given(st.binary() | st.lists(jwk_like | json_values, max_size=3).map(lambda keys: json.dumps({"keys": keys}).encode()))
def test_no_key_set_breaks_the_parser(document: bytes) -> None:
    try:
        keys = parse_key_set(document, OUTSIDE_ALGORITHMS)
    except BadKeySet:
        return
    assert {key.algorithm_name for key in keys.values()} <= OUTSIDE_ALGORITHMS


def test_a_key_for_encryption_signs_nothing(issuer: Issuer) -> None:
    with pytest.raises(BadKeySet):
        parse_key_set(json.dumps({"keys": [{**issuer.jwk, "use": "enc"}]}).encode(), OWN_ALGORITHMS)


def test_strange_keys_beside_a_good_one_are_left_out(issuer: Issuer) -> None:
    document = json.dumps({"keys": [{"kty": "LATTICE", "kid": "future"}, issuer.jwk]}).encode()
    assert list(parse_key_set(document, OWN_ALGORITHMS)) == ["k1"]


class _Answer(BaseHTTPRequestHandler):
    def __init__(self, answer: Callable[[], tuple[int, bytes]], *args: Any) -> None:
        self._answer = answer
        super().__init__(*args)

    def do_GET(self) -> None:
        status, body = self._answer()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Not to the test's output."""


async def test_keys_come_over_http_whatever_proxy_is_set(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    answers = [(500, b"broken"), (200, await issuer.fetch())]
    with HTTPServer(("127.0.0.1", 0), partial(_Answer, lambda: answers.pop(0))) as server:

        def answer_twice() -> None:
            server.handle_request()
            server.handle_request()

        thread = Thread(target=answer_twice)
        thread.start()
        fetch = over_http(f"http://127.0.0.1:{server.server_port}/jwks.json")
        with pytest.raises(OSError, match="500"):
            await fetch()
        assert list(parse_key_set(await fetch(), OWN_ALGORITHMS)) == ["k1"]
        await asyncio.to_thread(thread.join)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50), st.integers(0, 5))))
def test_a_revocation_is_kept_exactly_until_it_expires(steps: list[tuple[str, int, int]]) -> None:
    now = 0
    latest: dict[str, int] = {}
    revocations = Revocations(lambda: now)
    for token_id, expires_at, later in steps:
        revocations.add(token_id, expires_at)
        latest[token_id] = max(latest.get(token_id, 0), expires_at)
        now += later
        in_force = {name for name, until in latest.items() if until > now}
        assert {name for name in "abcd" if name in revocations} == in_force
        assert len(revocations) == len(in_force)


@pytest.mark.parametrize("issuer", ["homin", "https://login.example.org"])
def test_whoever_cannot_know_where_the_keys_are_says_so_before_it_starts(issuer: str) -> None:
    """It asked its own port, where nobody shows any, and refused everybody for ever."""
    with pytest.raises(CannotStart, match="HOMIN_JWKS_URL must say"):
        Verifier(TokenSettings(issuer=issuer))
    Verifier(TokenSettings(issuer=issuer, jwks_url="https://login.example.org/keys"))
