"""The Ed25519 key (RFC 8037) that signs tokens: made on first start, and kept in the database.

In the database and not in a folder, since several accounts processes must sign with one key, and since whoever restores
a backup then restores the users, their sessions and the key they were signed with together. It is as well guarded
there as the passwords' hashes: who can write to that database can sign in as anybody, with the key or without.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.accounts.core.claims import Grant, User, claims


def new_private_key() -> str:
    """A fresh key, as PKCS #8 in PEM (RFC 5958)."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class SigningKeys:
    """Signs with the newest key and shows the public half of all: tokens of an older one are good until they expire."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._signer: Ed25519PrivateKey | None = None
        self._kid = ""
        self.key_set = b'{"keys":[]}'
        """The JWK Set (RFC 7517, 5)."""

    def use(self, private: Sequence[str]) -> None:
        """Takes the keys that were read at start: `private` in PEM, the newest first; at least one."""
        keys = [_parse(pem) for pem in private]
        public = [_public_jwk(key) for key in keys]
        self._signer, self._kid = keys[0], public[0]["kid"]
        self.key_set = json.dumps({"keys": public}, separators=(",", ":")).encode()

    def sign(self, user: User, grant: Grant) -> str:
        """An access token, in JWS compact form."""
        assert self._signer is not None, "keys come before requests"
        payload = claims(user, grant, self._issuer, self._audience)
        return jwt.encode(payload, self._signer, algorithm="EdDSA", headers={"kid": self._kid})

    async def fetch(self) -> bytes:
        """The key set, for a verifier in this process."""
        return self.key_set


def _parse(pem: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("a signing key must be an Ed25519 key")
    return key


def _public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    # RFC 7638 with RFC 8037, appendix A.3: the required members, in order, hashed.
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    kid = _base64url(sha256(json.dumps(required, separators=(",", ":")).encode()).digest())
    return {**required, "kid": kid, "alg": "EdDSA", "use": "sig"}


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
