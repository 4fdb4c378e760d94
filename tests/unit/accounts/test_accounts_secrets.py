"""Keys and passwords."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.accounts.core.claims import Grant, User
from services.accounts.keys import SigningKeys, new_private_key
from services.accounts.passwords import Passwords
from shared.protocol.errors import ErrorCode, Refused
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import Verifier


def pem(key: Ed25519PrivateKey | X25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_key_is_named_by_its_thumbprint() -> None:
    """The key of RFC 8037, appendix A.1, has the thumbprint of appendix A.3."""
    keys = SigningKeys("homin", "homin")
    private = urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    keys.use([pem(Ed25519PrivateKey.from_private_bytes(private))])
    (public,) = json.loads(keys.key_set)["keys"]
    assert public == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        "alg": "EdDSA",
        "use": "sig",
    }


async def test_tokens_of_an_older_key_stay_good() -> None:
    older, newer = new_private_key(), new_private_key()
    keys = SigningKeys("homin", "homin")
    now = int(time.time())
    keys.use([older])
    before = keys.sign(User("u-1", "Олена", guest=True), Grant("t-1", now, now + 60))
    keys.use([newer, older])
    after = keys.sign(User("u-1", "Олена", guest=True), Grant("t-2", now, now + 60))
    verifier = Verifier(TokenSettings(), fetch=keys.fetch)
    assert [(await verifier.verify(token)).token_id for token in (before, after)] == ["t-1", "t-2"]


def test_the_public_set_holds_nothing_private() -> None:
    keys = SigningKeys("homin", "homin")
    keys.use([new_private_key()])
    assert b'"d"' not in keys.key_set
    assert b"PRIVATE" not in keys.key_set


def test_a_key_of_another_kind_signs_nothing() -> None:
    with pytest.raises(TypeError):
        SigningKeys("homin", "homin").use([pem(X25519PrivateKey.generate())])


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords(at_once=1, waiting=1, memory_kib=8, passes=1)
    yield passwords
    passwords.close()


async def test_a_password_matches_its_own_hash_only(passwords: Passwords) -> None:
    kept = await passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert "correct" not in kept
    assert await passwords.matches(kept, "correct horse")
    assert not await passwords.matches(kept, "correct horsf")
    assert not await passwords.matches("not a hash", "correct horse")


async def test_nobodys_password_matches_nothing(passwords: Passwords) -> None:
    assert not await passwords.matches(None, "")


async def test_no_more_than_so_many_passwords_wait(passwords: Passwords) -> None:
    results = await asyncio.gather(*(passwords.hash("correct horse") for _ in range(5)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Refused)]
    assert len(refused) == 3
    assert {result.code for result in refused} == {ErrorCode.OVERLOADED}
    assert (await passwords.hash("correct horse")).startswith("$argon2id$")


async def test_a_hash_of_other_settings_is_outdated(passwords: Passwords) -> None:
    stronger = Passwords(at_once=1, waiting=0, memory_kib=16, passes=2)
    kept = await passwords.hash("correct horse")
    assert not passwords.outdated(kept)
    assert stronger.outdated(kept)
    assert await stronger.matches(kept, "correct horse")
    stronger.close()


async def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    """In the work of the one thread that hashes, which other programs do not change."""
    passwords = Passwords(at_once=1, waiting=0, memory_kib=32 * 1024, passes=3)
    kept = await passwords.hash("correct horse")

    async def seconds(hashed: str | None) -> float:
        began = await passwords._in_thread(time.thread_time)
        for _ in range(5):
            assert not await passwords.matches(hashed, "wrong")
        return await passwords._in_thread(time.thread_time) - began

    wrong, unknown = await seconds(kept), await seconds(None)
    assert 0.5 < unknown / wrong < 2
    passwords.close()
