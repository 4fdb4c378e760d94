"""What the bodies of requests may say. docs/protocol.md, "HTTP"."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from shared.protocol.characters import folded, normal
from shared.protocol.names import UserName

PASSWORD_CHARS = (8, 256)
_JOINERS = re.compile("[\u200c\u200d]")


def same_keys(password: str) -> str:
    """`password` in NFKC, so that one keyboard's composed letters are another's (NIST SP 800-63B-4, 3.1.1.2)."""
    keys = normal("NFKC", password)
    if "\x00" in keys:
        raise ValueError("must not contain the character U+0000")
    return keys


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
    """What two names share that people would take for one: compatibility forms and case folded (UAX #15, UTS #18),
    without joiners. It is kept in the database, so it must be the same on every Python."""
    return normal("NFKC", folded(normal("NFKC", _JOINERS.sub("", name))))
