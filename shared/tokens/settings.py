"""Whose tokens a deployment trusts."""

from __future__ import annotations

from pydantic import Field, field_validator

from shared.runtime.settings import HttpSettings

OWN_ISSUER = "homin"


class TokenSettings(HttpSettings):
    """By default those of the deployment's own accounts service; an outside (OIDC) issuer's where one is named."""

    issuer: str = Field(OWN_ISSUER, min_length=1)
    """What a token's `iss` must say. An outside issuer's is its address, `https://login.example.org`."""
    audience: str = Field("homin", min_length=1)
    """What a token's `aud` must say, or contain."""
    jwks_url: str = ""
    """Where the issuer's public keys are. Empty where the accounts run in the same process and hand them over."""

    @field_validator("jwks_url")
    @classmethod
    def _fetchable(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url

    @property
    def outside_issuer(self) -> bool:
        """Whether people sign in elsewhere: such an issuer is a URL (OpenID Connect Core, 2), our own name is none."""
        return self.issuer.startswith(("http://", "https://"))
