"""What people ask of accounts: come in as a guest, register, sign in, renew, sign out, another password. Clock and
randomness enter."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from hashlib import sha256
from secrets import token_hex, token_urlsafe
from typing import NamedTuple

from services.accounts.core.claims import Grant, User
from services.accounts.core.devices import Device
from services.accounts.core.forms import GuestForm, LoginForm, PasswordForm, RegisterForm, name_key
from services.accounts.core.guessable import is_easily_guessed
from services.accounts.keys import SigningKeys
from services.accounts.passwords import Passwords
from services.accounts.records import Ended, Opening, SessionOver
from services.accounts.settings import Settings
from services.accounts.sign_in_store import Noted
from services.accounts.store import AccountStore
from shared.protocol.errors import ErrorCode, Refused
from shared.tokens.verifier import Identity, TokenRefused

Revocation = tuple[str, int]
"""An access token's id, and when it would have expired (Unix seconds)."""


class SignedIn(NamedTuple):
    """What a sign-in gives: the access token, its lifetime in seconds, the user, the refresh token if it is new; and
    where the user's own log tells of it, the id of that entry."""

    token: str
    expires_in: int
    user: User
    refresh: str | None
    entry: str | None = None


class Stolen(Exception):
    """A refresh token came again after its successor was used: the session is over, and `revoked` with it."""

    def __init__(self, revoked: Sequence[Revocation]) -> None:
        super().__init__("a used refresh token came again")
        self.revoked = revoked


class Accounts:
    """The use cases, each told by what it gives or by `Refused` with a code from the table."""

    def __init__(
        self,
        settings: Settings,
        store: AccountStore,
        keys: SigningKeys,
        passwords: Passwords,
        common_passwords: Container[str],
        now: Callable[[], float],
    ) -> None:
        """`common_passwords`: see `is_easily_guessed`; `now` gives Unix seconds."""
        self._settings = settings
        self._store = store
        self._keys = keys
        self._passwords = passwords
        self._common_passwords = common_passwords
        self._now = now

    async def guest(self, form: GuestForm) -> SignedIn:
        """Somebody who gives only a name. Refused: `no_guests`, `name_taken`."""
        if not self._settings.guests:
            raise Refused(ErrorCode.NO_GUESTS, "Guests are not let in here. Register, or sign in.")
        user = User(_new_id(), form.name, guest=True)
        refresh, opening = self._opening()
        if not await self._store.add_guest(user, name_key(form.name), opening):
            raise Refused(ErrorCode.NAME_TAKEN, "Somebody has registered this name. Sign in, or choose another.")
        return self._signed_in(user, opening.grant, refresh)

    async def register(self, form: RegisterForm) -> SignedIn:
        """A new user with a password. Refused: `weak_password`, `name_taken`, `overloaded`."""
        self._refuse_easily_guessed(form.password, form.name)
        taken = Refused(ErrorCode.NAME_TAKEN, "Somebody has registered this name. Choose another.")
        key = name_key(form.name)
        if await self._store.taken(key):
            raise taken
        password = await self._passwords.hash(form.password)
        user = User(_new_id(), form.name, guest=False)
        refresh, opening = self._opening()
        if not await self._store.register(user, key, password, opening):
            raise taken
        return self._signed_in(user, opening.grant, refresh)

    async def login(self, form: LoginForm, device: Device) -> SignedIn:
        """A registered user, on `device`. Refused: `bad_credentials`, in the same time for an unknown name;
        `overloaded`."""
        while True:
            found = await self._store.registered(name_key(form.name))
            right = await self._passwords.matches(found and found.password, form.password)
            if found is None or not right:
                raise _bad_credentials()
            outdated = self._passwords.outdated(found.password)
            renewed = await self._passwords.hash(form.password) if outdated else None
            refresh, opening = self._opening()
            user, grant = found.user, opening.grant
            noted = Noted("~" + _new_id(), user.id, user.name, grant.issued_at, device)
            if await self._store.open_session(found, opening, noted, renewed):
                return self._signed_in(user, grant, refresh)._replace(entry=noted.id)

    async def change_password(self, identity: Identity, form: PasswordForm) -> tuple[SignedIn, Sequence[Revocation]]:
        """Another password. The session that asks goes on with new tokens; every other one of the user is over, and so
        much is revoked by that. Refused: `forbidden` for a guest, `weak_password`, and as at sign-in."""
        while True:
            found = await self._store.credentials(identity.user_id)
            if found is None:
                raise Refused(ErrorCode.FORBIDDEN, "A guest has no password that could be changed.")
            if not await self._passwords.matches(found.password, form.password):
                raise _bad_credentials()
            self._refuse_easily_guessed(form.new, found.user.name)
            password = await self._passwords.hash(form.new)
            refresh, (_, hashed, grant, expires_at) = self._opening()
            try:
                ended = await self._store.change_password(found, password, identity.token_id, hashed, grant, expires_at)
            except SessionOver:
                raise TokenRefused(ErrorCode.UNAUTHORIZED, "This sign-in is over. Sign in again.") from None
            if ended is not None:
                return self._signed_in(found.user, grant, refresh), ended.tokens

    async def renew_by_refresh(self, presented: str) -> SignedIn | None:
        """A new pair of tokens for a refresh token. None where it is not good; raises Stolen."""
        refresh, opening = self._opening()
        outcome = await self._store.rotate(_hash(presented), opening.refresh, opening.grant, opening.expires_at)
        if isinstance(outcome, Ended):
            raise Stolen(outcome.tokens)
        return None if outcome is None else self._signed_in(outcome, opening.grant, refresh)

    async def renew_by_token(self, identity: Identity) -> SignedIn | None:
        """A new access token for one that is still good. None where its session is over, or never was."""
        grant = self._grant()
        user = await self._store.extend(identity.token_id, grant)
        return None if user is None else self._signed_in(user, grant, None)

    async def logout_by_token(self, identity: Identity) -> Sequence[Revocation]:
        """Ends the session of an access token; what is revoked by that."""
        return (await self._store.end_by_token(identity.token_id, identity.expires_at, int(self._now()))).tokens

    async def logout_by_refresh(self, presented: str) -> Sequence[Revocation] | None:
        """Ends the session of a refresh token; what is revoked by that. None where it is unknown."""
        ended = await self._store.end_by_refresh(_hash(presented), int(self._now()))
        return None if ended is None else ended.tokens

    async def same_session(self, identity: Identity, presented: str) -> bool:
        """Whether an access token and a refresh token come from one sign-in."""
        return await self._store.same_session(identity.token_id, _hash(presented))

    async def owner(self, presented: str) -> str | None:
        """The id of the user whose refresh token it is. None where it renews nothing any more."""
        return await self._store.owner(_hash(presented))

    async def revoked(self, token_id: str) -> bool:
        """Whether an access token was signed out, on whichever of the accounts processes."""
        return await self._store.revoked(token_id)

    def _refuse_easily_guessed(self, password: str, name: str) -> None:
        if is_easily_guessed(password, name, self._common_passwords):
            sentence = "This password is among the first that others would try. Choose another."
            raise Refused(ErrorCode.WEAK_PASSWORD, sentence)

    def _opening(self) -> tuple[str, Opening]:
        refresh = token_urlsafe(32)
        grant = self._grant()
        opening = Opening(_new_id(), _hash(refresh), grant, grant.issued_at + self._settings.refresh_s)
        return refresh, opening

    def _grant(self) -> Grant:
        now = int(self._now())
        return Grant(_new_id(), now, now + self._settings.token_s)

    def _signed_in(self, user: User, grant: Grant, refresh: str | None) -> SignedIn:
        return SignedIn(self._keys.sign(user, grant), grant.expires_at - grant.issued_at, user, refresh)


def _bad_credentials() -> Refused:
    return Refused(ErrorCode.BAD_CREDENTIALS, "The name or the password is wrong.")


def _new_id() -> str:
    return token_hex(16)


def _hash(refresh: str) -> str:
    # A refresh token is 256 random bits: there is nothing to guess, so a fast hash keeps it as well as a slow one.
    return sha256(refresh.encode(errors="replace")).hexdigest()
