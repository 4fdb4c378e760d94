"""Which passwords are tried first by who guesses (NIST SP 800-63B-4, 3.1.1.2; OWASP ASVS 5.0, 6.2.4 and 6.2.11)."""

from __future__ import annotations

from collections.abc import Container, Iterable
from string import punctuation, whitespace
from typing import Final

from services.accounts.core.forms import name_key

OUR_NAMES: Final = ("homin", "гомін")
_SIGNS: Final = whitespace + punctuation


def is_easily_guessed(password: str, name: str, common: Container[str]) -> bool:
    """Whether `password` is a common one (`common` holds them as `name_key` gives them), or nothing but the user's name
    or ours, however often. Capitals make no difference, nor do spaces and signs at the ends: so people vary them."""
    alike = name_key(password)
    bare = alike.strip(_SIGNS)
    return alike in common or bare in common or _is_nothing_but(alike, (name_key(name), *OUR_NAMES))


def _is_nothing_but(text: str, words: Iterable[str]) -> bool:
    rest = text
    for word in sorted(words, key=len, reverse=True):  # a short name may stand in a long one
        rest = rest.replace(word, " ")
    return rest != text and not rest.strip(_SIGNS)
