"""Which passwords are tried first by who guesses (NIST SP 800-63B-4, 3.1.1.2; OWASP ASVS 5.0, 6.2.4 and 6.2.11)."""

from __future__ import annotations

from collections.abc import Container, Iterable
from itertools import pairwise
from string import digits, punctuation, whitespace
from typing import Final

from services.accounts.core.forms import name_key

OUR_NAMES: Final = ("homin", "гомін")
UKRAINIAN: Final = frozenset({
    "пароль", "привіт", "україна", "київ", "дніпро", "динамо", "слава", "кохання", "любов", "сонечко", "зайчик",
    "котик", "мама", "шевченко", "йцукен",
})  # fmt: skip
"""What the list, which is of English passwords, lacks."""
_SIGNS: Final = whitespace + punctuation
_ENDS: Final = _SIGNS + digits
_RUNS: Final = (
    "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "01234567890",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "йцукенгшщзхї", "фівапролджє", "ячсмитьбю",
)  # fmt: skip
_STEPS: Final = frozenset(pair for run in _RUNS for row in (run, run[::-1]) for pair in pairwise(row))


def is_easily_guessed(password: str, name: str, common: Container[str]) -> bool:
    """Whether `password` is a common one (`common` holds them as `name_key` gives them), said once or again and again;
    nothing but the user's name or ours, however often; one or two characters, or a run along a keyboard or an alphabet.
    Capitals make no difference, nor do spaces, nor signs and digits at the ends: so people vary them."""
    alike = name_key(password)
    together = "".join(alike.split())
    said = {once for text in (alike, together) for once in (text, text.strip(_SIGNS), text.strip(_ENDS))}
    said |= {_once(text) for text in said}
    return (
        len(set(together)) <= 2
        or any(text in common or text in UKRAINIAN for text in said if text)
        or all(step in _STEPS for step in pairwise(together))
        or _is_nothing_but(alike, (name_key(name), *OUR_NAMES))
    )


def _once(text: str) -> str:
    """What `text` says again and again, else itself: the shortest part of which it is made."""
    period = (text + text).find(text, 1)
    return text[:period] if 0 < period < len(text) else text


def _is_nothing_but(text: str, words: Iterable[str]) -> bool:
    rest = text
    for word in sorted(words, key=len, reverse=True):  # a short name may stand in a long one
        rest = rest.replace(word, " ")
    return rest != text and not rest.strip(_ENDS)
