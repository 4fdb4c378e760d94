"""What the bodies of requests may say. docs/protocol.md, "HTTP"."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from shared.protocol.characters import folded, normal
from shared.protocol.names import UserName

PASSWORD_CHARS: Final = (8, 128)
"""Of a new password, counted in NFC, so that one keyboard's composed letters are as many as another's pieces."""
WRITTEN_CHARS: Final = 4 * PASSWORD_CHARS[1]
"""Of any password as it comes: no character of NFC has more pieces than four. (Until 0.1 a password had up to 256.)"""
_JOINERS = re.compile("[\u200c\u200d]")


def same_keys(password: str) -> str:
    """`password` in NFKC, so that one keyboard's composed letters are another's (NIST SP 800-63B-4, 3.1.1.2).

    This is what is hashed, the whole of it. Not NFC, since all that has ever been hashed here was in NFKC."""
    keys = normal("NFKC", password)
    if "\x00" in keys:
        raise ValueError("must not contain the character U+0000")
    return keys


def _of_good_length(password: str) -> str:
    least, most = PASSWORD_CHARS
    if len(password) > WRITTEN_CHARS or not least <= len(normal("NFC", password)) <= most:
        raise ValueError(f"must have {least} to {most} characters")
    return password


NewPassword = Annotated[str, AfterValidator(_of_good_length), AfterValidator(same_keys)]
# At sign-in no rule but a bound: a rule that came later must not lock anybody out.
GivenPassword = Annotated[str, StringConstraints(max_length=WRITTEN_CHARS), AfterValidator(same_keys)]


class Form(BaseModel):
    """Unknown fields are refused, as on the WebSocket."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GuestForm(Form):
    """`POST /api/accounts/guest`."""

    name: UserName


class RegisterForm(Form):
    """`POST /api/accounts/register`."""

    name: UserName
    password: NewPassword


class LoginForm(Form):
    """`POST /api/accounts/login`."""

    name: UserName
    password: GivenPassword


class PasswordForm(Form):
    """`POST /api/accounts/password`."""

    password: GivenPassword
    new: NewPassword


def name_key(name: str) -> str:
    """What two names share that people would take for one: compatibility forms and case folded (UAX #15, UTS #18),
    without joiners. It is kept in the database, so it must be the same on every Python."""
    return normal("NFKC", folded(normal("NFKC", _JOINERS.sub("", name))))
