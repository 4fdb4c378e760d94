"""Which tokens are good. All others are refused with a sentence and the right code."""

from __future__ import annotations

import hmac
import json
import time
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol.errors import ErrorCode
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import LEEWAY_S, TOKEN_CHARS, Identity, TokenRefused, Verifier
from tests.unit.tokens.issuers import Issuer, base64url, unsigned

OUTSIDE = "https://login.example.org"
issuer = Issuer()
stranger = Issuer()


def verifier(of: Issuer = issuer, **settings: Any) -> Verifier:
    """One that trusts the issuer `of`."""
    return Verifier(TokenSettings.model_validate({"issuer": of.iss, **settings}), fetch=of.fetch)


async def refusal(token: str, by: Verifier | None = None) -> TokenRefused:
    """How `token` is refused."""
    with pytest.raises(TokenRefused) as caught:
        await (by or verifier()).verify(token)
    assert caught.value.text.endswith(".")
    return caught.value


async def test_a_good_token_says_whose_it_is() -> None:
    claims = issuer.claims()
    assert await verifier().verify(issuer.token()) == Identity("u-1", "Олена", "t-1", claims["exp"])


async def test_an_audience_may_be_one_of_several() -> None:
    assert (await verifier().verify(issuer.token(aud=["other", "homin"]))).user_id == "u-1"


def signed_with_the_public_key() -> str:
    """RFC 8725, 2.1: a verifier that lets the token choose would take the public key for a shared secret."""
    raw = issuer.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = unsigned({"alg": "HS256", "typ": "JWT", "kid": "k1"}, issuer.claims())[:-1]
    return f"{head}.{base64url(hmac.digest(raw, head.encode(), 'sha256'))}"


def hostile() -> dict[str, tuple[str, str]]:
    """Tokens by what is wrong with them, and what the refusal says of it. Made when they are wanted: those made when
    the tests are gathered have expired before a slow run comes to them."""
    now = int(time.time())
    return {
        "not signed": (unsigned({"alg": "none", "kid": "k1"}, issuer.claims()), "signature"),
        "not signed, in capitals": (unsigned({"alg": "NONE", "kid": "k1"}, issuer.claims()), "signature"),
        "without its signature": (issuer.token().rpartition(".")[0] + ".", "signature"),
        "signed with the public key": (signed_with_the_public_key(), "signature"),
        "signed by a stranger": (stranger.token(), "signature"),
        "signed by a stranger with a key of another name": (stranger.token(header={"kid": "k2"}), "not known"),
        "without a key's name, by a stranger": (stranger.token(header={}), "signature"),
        "with a key that it brings along": (stranger.token(header={"kid": "k9", "jwk": stranger.jwk}), "not known"),
        "with an address to fetch the key from": (
            stranger.token(header={"kid": "k9", "jku": "http://evil/"}),
            "not known",
        ),
        "with a demand that nobody knows": (issuer.token(header={"kid": "k1", "crit": ["x"], "x": 1}), "not a token"),
        "for another audience": (issuer.token(aud="elsewhere"), "somebody else"),
        "for an audience that is no text": (issuer.token(aud=[5]), "somebody else"),
        "from another issuer": (issuer.token(iss="https://evil.example"), "issuer"),
        "valid only later": (issuer.token(nbf=now + 600), "not valid yet"),
        "issued in the future": (issuer.token(iat=now + 600), "not valid yet"),
        "without an end": (issuer.token(exp=None), "lacks"),
        "without a user": (issuer.token(sub=None), "lacks"),
        "without an audience": (issuer.token(aud=None), "lacks"),
        "without an issuer": (issuer.token(iss=None), "lacks"),
        "without an id": (issuer.token(jti=None), "'jti'"),
        "without a name": (issuer.token(name=None), "'name'"),
        "with a name of two lines": (issuer.token(name="a\nb"), "'name'"),
        "with a name that turns the text round": (issuer.token(name="a\u202eb"), "'name'"),
        "with a name that is too long": (issuer.token(name="a" * 33), "'name'"),
        "with an empty name": (issuer.token(name=""), "'name'"),
        "with a name that is a number": (issuer.token(name=5), "'name'"),
        "with a user that is a number": (issuer.token(sub=5), "not a token"),
        "with a user of two lines": (issuer.token(sub="u\n1"), "'sub'"),
        "with an empty user": (issuer.token(sub=""), "'sub'"),
        "with an id that is a list": (issuer.token(jti=["a"]), "not a token"),
        "with an endless id": (issuer.token(jti="a" * 1000), "'jti'"),
        "with an end that is no number": (issuer.token(exp="soon"), "not a token"),
        "with an end that is not finite": (issuer.token(exp=float("inf")), "not a token"),
        "whose claims are a list": (unsigned({"alg": "EdDSA", "kid": "k1"}, ["sub"]), "signature"),  # type: ignore[arg-type]
        "whose key's name is a number": (unsigned({"alg": "EdDSA", "kid": 5}, issuer.claims()), "not a token"),
        "of one part": ("rubbish", "not a token"),
        "of five parts": ("a.b.c.d.e", "not a token"),
        "empty": ("", "not a token"),
        "of a megabyte": ("a" * (1 << 20), "not a token"),
        "of a megabyte, otherwise good": (issuer.token(more="a" * (1 << 20)), "not a token"),
        "not of this alphabet": ("токен.токен.токен", "not a token"),
        "of half a character": ("\ud800.\ud800.\ud800", "not a token"),
        "nested deeply": (base64url(b"[" * 5_000) + ".e30.", "not a token"),
    }


@pytest.mark.parametrize("kind", hostile())
async def test_a_hostile_token_is_refused(kind: str) -> None:
    token, says = hostile()[kind]
    refused = await refusal(token)
    assert refused.code is ErrorCode.UNAUTHORIZED
    assert says in refused.text


async def test_an_expired_token_is_told_from_a_bad_one() -> None:
    refused = await refusal(issuer.token(exp=int(time.time()) - 60))
    assert (refused.code, refused.text) == (ErrorCode.EXPIRED, "This token has expired.")
    assert (await refusal(stranger.token(exp=int(time.time()) - 60))).code is ErrorCode.UNAUTHORIZED


async def test_clocks_may_be_a_little_apart() -> None:
    now = int(time.time())
    assert (await verifier().verify(issuer.token(iat=now + LEEWAY_S - 2, nbf=now + LEEWAY_S - 2))).user_id == "u-1"


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
async def test_no_text_is_a_token(text: str) -> None:
    assert (await refusal(text)).code is ErrorCode.UNAUTHORIZED


@given(st.data())
async def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    token = issuer.token()
    place = data.draw(st.integers(0, len(token) - 2), label="place")  # the last character has bits that say nothing
    other = data.draw(st.characters().filter(lambda c: c != token[place]), label="instead")
    assert (await refusal(token[:place] + other + token[place + 1 :])).code is ErrorCode.UNAUTHORIZED


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["sub", "name", "iss", "aud", "iat", "nbf", "exp", "jti"]), json_values))
async def test_claims_of_any_kind_give_a_proper_identity_or_a_refusal(changed: dict[str, Any]) -> None:
    outcome: Identity | TokenRefused
    try:
        outcome = await verifier().verify(issuer.token(**changed))
    except TokenRefused as refused:
        outcome = refused
    if isinstance(outcome, TokenRefused):
        assert outcome.code in (ErrorCode.UNAUTHORIZED, ErrorCode.EXPIRED)
    else:
        assert 1 <= len(outcome.name) <= 32
        assert outcome.name == outcome.name.strip()
        assert "\n" not in outcome.name
        assert outcome.user_id.isascii()
        assert int(time.time()) - 60 <= outcome.expires_at < 253_402_300_800


@given(st.dictionaries(st.text(max_size=6) | st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), json_values))
async def test_a_header_of_any_kind_is_refused(header: dict[str, Any]) -> None:
    assert (await refusal(unsigned(header, issuer.claims()))).code is ErrorCode.UNAUTHORIZED


async def test_a_revoked_token_is_refused_until_it_expires_anyway() -> None:
    now = [1_000.0]
    revoking = Verifier(TokenSettings(), fetch=issuer.fetch, now=lambda: now[0])
    token = issuer.token()
    revoking.revoke("t-1", 2_000)
    assert "signed out" in (await refusal(token, revoking)).text
    assert (await revoking.verify(issuer.token(jti="t-2"))).token_id == "t-2"
    now[0] = 2_000.0 + LEEWAY_S - 1  # still within what the clocks may be apart
    assert "signed out" in (await refusal(token, revoking)).text
    now[0] = 2_000.0 + LEEWAY_S
    assert len(revoking.revocations) == 0


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_an_outside_issuer_may_sign_as_it_likes(algorithm: str) -> None:
    outside = Issuer(algorithm, iss=OUTSIDE)
    assert (await verifier(outside).verify(outside.token())).user_id == "u-1"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_our_own_tokens_are_signed_in_one_way_only(algorithm: str) -> None:
    other = Issuer(algorithm)
    refused = await refusal(other.token(), verifier(other))
    assert refused.code is ErrorCode.UNAVAILABLE  # the set has no key that may sign


async def test_an_outside_token_may_lack_an_id_and_a_full_name() -> None:
    outside = Issuer("RS256", iss=OUTSIDE)
    token = outside.token(jti=None, name=None, preferred_username="olena")
    identity = await verifier(outside).verify(token)
    assert (identity.name, identity.token_id) == ("olena", sha256(token.encode()).hexdigest())


async def test_a_shared_secret_in_the_key_set_signs_nothing() -> None:
    outside = Issuer("ES256", iss=OUTSIDE)
    secret = b"0123456789abcdef0123456789abcdef"
    key_set = json.dumps({"keys": [outside.jwk, {"kty": "oct", "kid": "s", "alg": "HS256", "k": base64url(secret)}]})

    async def fetch() -> bytes:
        return key_set.encode()

    head = unsigned({"alg": "HS256", "kid": "s"}, outside.claims())[:-1]
    token = f"{head}.{base64url(hmac.digest(secret, head.encode(), 'sha256'))}"
    trusting = Verifier(TokenSettings(issuer=OUTSIDE), fetch=fetch)
    assert "not known" in (await refusal(token, trusting)).text
    assert (await trusting.verify(outside.token())).user_id == "u-1"


def test_the_longest_token_that_is_looked_at_is_larger_than_ours() -> None:
    assert len(issuer.token(name="Ї" * 32, sub="u" * 128, jti="t" * 128)) < TOKEN_CHARS
