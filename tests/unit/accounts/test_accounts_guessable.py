"""Which passwords are refused because they are tried first."""

from __future__ import annotations

import time

import pytest

from services.accounts.common_passwords import LIST, common_passwords
from services.accounts.core.guessable import is_easily_guessed
from tools.common_passwords import listed

COMMON = common_passwords()


@pytest.mark.parametrize(
    "password",
    [
        "password1",
        "PassWord1",
        " password1 ",
        "password1!",
        "!!password1??",
        "12345678",
        "qwertyuiop",
        "Football!",
        "dragon!!",
        "!QAZ2wsx",
        "password2026",
        "p a s s w o r d",
        "qwertyqwerty",
        "пароль123",
        "славаслава",
    ],
)
def test_a_common_password_is_refused_however_it_is_varied(password: str) -> None:
    assert is_easily_guessed(password, "Тарас", COMMON)


@pytest.mark.parametrize(
    ("password", "name"),
    [("Шевченко", "шевченко"), ("olenaolena", "Olena"), ("Olena-Olena!", "Olena"), ("ОЛЕНА гомін", "Олена"),
     ("hominhomin", "Тарас"), ("Homin Homin", "Тарас"), ("homin_min", "min"), ("Anna-Maria B.", "anna-maria b."),
     ("🦊🦊🦊🦊🦊🦊🦊🦊", "🦊"), ("aaaaaaaa!", "a"),
     ("olena123", "Olena"), ("homin2026", "Тарас")],
)  # fmt: skip
def test_a_password_of_names_alone_is_refused(password: str, name: str) -> None:
    assert is_easily_guessed(password, name, frozenset())


@pytest.mark.parametrize(
    ("password", "name"),
    [("кобзар 1840", "Олена"), ("olena likes tea", "Olena"), ("homin at dawn", "Тарас"),
     ("🦊🐻🦊🐼🐻🦊🦊🐼", "🦊"), ("correct horse battery staple", "Тарас"),
     ("пароль на щодень", "Тарас")],
)  # fmt: skip
def test_any_other_password_is_as_good_as_its_length(password: str, name: str) -> None:
    assert not is_easily_guessed(password, name, COMMON)


@pytest.mark.parametrize(
    "password", ["aaaaaaaa", "        ", "!!!!!!!!!", "abababab", "abcdefgh", "98765432", "йцукенгш", "лкйїіизжєе"]
)
def test_what_no_hand_has_to_think_of_is_refused(password: str) -> None:
    assert is_easily_guessed(password, "Тарас", frozenset())


def test_a_name_that_repeats_itself_costs_no_time() -> None:
    began = time.perf_counter()
    assert not is_easily_guessed("homin" * 25 + "xyz", "homin", COMMON)
    assert not is_easily_guessed("a" * 125 + "bcz", "aa", COMMON)
    assert time.perf_counter() - began < 1


def test_the_list_is_that_of_its_package() -> None:
    assert LIST.read_text() == listed(), "make generate"


def test_the_list_has_more_than_anybody_asks_for() -> None:
    """OWASP ASVS 5.0, 6.2.4: at least the 3,000 most common that the rules would let through."""
    assert len(COMMON) == 49_233
    assert sum(len(password) >= 8 for password in COMMON) == 17_950
