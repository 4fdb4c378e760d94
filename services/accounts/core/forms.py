"""What the bodies of requests may say. PROTOCOL.md, "HTTP"."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from shared.protocol.names import UserName

PASSWORD_CHARS = (8, 256)


def same_keys(password: str) -> str:
    """`password` in NFKC, so that one keyboard's composed letters are another's (NIST SP 800-63B-4, 3.1.1.2)."""
    normal = unicodedata.normalize("NFKC", password)
    if "\x00" in normal:
        raise ValueError("must not contain the character U+0000")
    return normal


Password = Annotated[
    str,
    StringConstraints(min_length=PASSWORD_CHARS[0], max_length=PASSWORD_CHARS[1]),
    AfterValidator(same_keys),
]
# At sign-in no rule but the upper bound: a rule that came later must not lock anybody out.
GivenPassword = Annotated[str, StringConstraints(max_length=PASSWORD_CHARS[1]), AfterValidator(same_keys)]


class Form(BaseModel):
    """Unknown fields are refused, as on the WebSocket."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GuestForm(Form):
    """`POST /api/accounts/guest`."""

    name: UserName


class RegisterForm(Form):
    """`POST /api/accounts/register`."""

    name: UserName
    password: Password


class LoginForm(Form):
    """`POST /api/accounts/login`."""

    name: UserName
    password: GivenPassword


def name_key(name: str) -> str:
    """What two names share that people would take for one: compatibility forms and case folded (UAX #15, UTS #18)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
