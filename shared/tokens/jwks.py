"""An issuer's public keys: fetched as a JWK Set (RFC 7517, 5), parsed once, and only those that may sign a token."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from jwt import PyJWK

from shared.runtime.service import CannotStart
from shared.tokens.settings import TokenSettings

FETCH_S: Final = 5.0
SET_BYTES: Final = 256 * 1024
SET_KEYS: Final = 100

OWN_ALGORITHMS: Final = frozenset({"EdDSA"})
OUTSIDE_ALGORITHMS: Final = frozenset({"EdDSA", "RS256", "ES256"})

Fetch = Callable[[], Awaitable[bytes]]


class BadKeySet(Exception):
    """What the issuer gave is not a JWK Set with a key that may sign tokens."""


def parse_key_set(document: bytes, algorithms: frozenset[str]) -> Mapping[str, PyJWK]:
    """The keys of `document` by `kid` ("" where a key has none) whose algorithm is in `algorithms`. Raises BadKeySet.

    A symmetric key (`kty` = `oct`) never passes: whoever can read it could sign with it. Keys of other kinds are left
    out, as RFC 7517, section 5, asks.
    """
    if len(document) > SET_BYTES:
        raise BadKeySet("the key set is too large")
    try:
        listed = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError) as why:
        raise BadKeySet("this is no JWK Set") from why
    if not isinstance(listed, list):
        raise BadKeySet("this is no JWK Set")
    keys: dict[str, PyJWK] = {}
    for entry in listed[:SET_KEYS]:
        key = _key(entry)
        if key is not None and key.algorithm_name in algorithms:
            keys[key.key_id or ""] = key
    if not keys:
        raise BadKeySet("no key of the set may sign tokens")
    return keys


def _key(entry: Any) -> PyJWK | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid", ""), str):
        return None
    if (entry.get("kty"), entry.get("crv")) not in (("OKP", "Ed25519"), ("RSA", None), ("EC", "P-256")):
        return None
    try:
        # Without the private part, whatever the issuer lets slip: we only verify.
        return PyJWK({name: value for name, value in entry.items() if name != "d"})
    except Exception:
        # Whatever the libraries below make of an entry that only looks like a key, the others of the set still count.
        return None


def from_issuer(settings: TokenSettings) -> Fetch:
    """Fetches the keys from where the settings say. CannotStart where they do not: only a process that holds the
    accounts as well can do without."""
    if settings.jwks_url:
        return over_http(settings.jwks_url)
    if settings.outside_issuer:
        raise CannotStart(f"HOMIN_JWKS_URL must say where the public keys of {settings.issuer} are.")
    raise CannotStart(
        "HOMIN_JWKS_URL must say where the accounts show their public keys, as they do not run in this process: "
        "http://127.0.0.1:8080/api/accounts/jwks.json, say."
    )


def over_http(url: str) -> Fetch:
    """Fetches `url` in a thread, at most FETCH_S and SET_BYTES. Raises OSError."""

    def fetch() -> bytes:
        # Through the machine's proxy, if it has one, but never to this machine itself.
        opener = build_opener(ProxyHandler({})) if _is_local(url) else build_opener()
        with opener.open(url, timeout=FETCH_S) as answer:
            document: bytes = answer.read(SET_BYTES + 1)
            return document

    async def off_the_loop() -> bytes:
        return await asyncio.to_thread(fetch)

    return off_the_loop


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
