"""Issuers that make tokens of every kind, good and bad, for the tests of the verifier."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

_MAKE: dict[str, tuple[Any, Any]] = {
    "EdDSA": (Ed25519PrivateKey.generate, OKPAlgorithm.to_jwk),
    "ES256": (lambda: generate_ec(SECP256R1()), ECAlgorithm.to_jwk),
    "RS256": (lambda: generate_rsa(65537, 2048), RSAAlgorithm.to_jwk),
}


class Issuer:
    """One key, its JWK Set, and tokens signed with it."""

    def __init__(self, algorithm: str = "EdDSA", kid: str = "k1", iss: str = "homin") -> None:
        make, to_jwk = _MAKE[algorithm]
        self.algorithm = algorithm
        self.kid = kid
        self.iss = iss
        self.private = make()
        self.jwk: dict[str, Any] = {**json.loads(to_jwk(self.private.public_key())), "kid": kid, "use": "sig"}
        self.asked = 0
        self.away = False

    async def fetch(self) -> bytes:
        """What a verifier gets that asks for the keys."""
        self.asked += 1
        if self.away:
            raise OSError("connection refused")
        return json.dumps({"keys": [self.jwk]}).encode()

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Good claims, but for what is `changed`; None takes a claim away."""
        now = int(time.time())
        claims = {
            "sub": "u-1",
            "name": "Олена",
            "iss": self.iss,
            "aud": "homin",
            "iat": now,
            "exp": now + 600,
            "jti": "t-1",
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A token that says so."""
        payload = json.dumps(self.claims(**changed)).encode()
        return jwt.api_jws.encode(payload, self.private, algorithm=self.algorithm, headers=header or {"kid": self.kid})


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token with an empty signature, whatever its header says."""
    return ".".join([*(base64url(json.dumps(part).encode()) for part in (header, claims)), ""])


def base64url(raw: bytes) -> str:
    """RFC 7515, section 2."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
