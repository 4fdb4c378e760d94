"""The accounts' settings, from the environment (prefix `HOMIN_`)."""

from __future__ import annotations

from pydantic import Field

from shared.bus.settings import ServiceSettings
from shared.tokens.settings import TokenSettings


class Settings(TokenSettings, ServiceSettings):
    """Each with a default that suits a team of some hundred people behind one address."""

    guests: bool = True
    """Whether people may come in by a name alone."""
    token_s: int = Field(3600, ge=60, le=86_400)
    """How long an access token is good, in seconds."""
    refresh_s: int = Field(30 * 86_400, ge=3600)
    """How long a sign-in lasts that nobody renews, in seconds."""
    signin_burst: int = Field(200, ge=1)
    """How many sign-ins (guest, register, login) one client address may ask for at once …"""
    signin_per_s: float = Field(2.0, gt=0)
    """… and how many a second in the long run."""
    renewal_burst: int = Field(1_000, ge=1)
    """Likewise for renewals (refresh), each of which stores a token until it expires …"""
    renewal_per_s: float = Field(10.0, gt=0)
    """… and how many a second in the long run."""
    signin_addresses: int = Field(10_000, ge=1)
    """How many addresses that asked last are remembered for either, at least, and twice as many at most; some 200 bytes
    each."""
    hashes_at_once: int = Field(2, ge=1)
    """Passwords that are hashed side by side, each with its own thread and `hash_memory_kib`."""
    hashes_waiting: int = Field(100, ge=0)
    """Passwords that may wait for their turn; more are answered `overloaded`."""
    hash_memory_kib: int = Field(65_536, ge=8)
    """Argon2's memory (RFC 9106, 4, the second recommended choice: 64 MiB, three passes)."""
    hash_passes: int = Field(3, ge=1)
