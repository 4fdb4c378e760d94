"""What a deployment is refused for before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.preflight import troubles

GOOD = {"DOMAIN": "chat.example.org", "DATABASE_PASSWORD": "a" * 12, "BROKER_PASSWORD": "b" * 12}


def test_without_a_domain_any_password_will_do() -> None:
    assert troubles({"DATABASE_PASSWORD": "homin", "BROKER_PASSWORD": ""}) == []


def test_a_domain_with_good_passwords_may_start() -> None:
    assert troubles(GOOD) == []


@pytest.mark.parametrize("name", ["DATABASE_PASSWORD", "BROKER_PASSWORD"])
@pytest.mark.parametrize(
    ("password", "what"),
    [("homin", "default"), ("Guest", "default"), ("", "default"), ("a" * 11, "fewer than 12")],
)
def test_each_weak_password_has_a_sentence_that_names_it_and_not_its_value(name: str, password: str, what: str) -> None:
    (sentence,) = troubles({**GOOD, name: password})
    assert sentence.startswith(name)
    assert what in sentence
    assert not password or f"'{password}'" not in sentence


@pytest.mark.parametrize("domain", ["https://chat.example.org", "chat.example.org/", "a b"])
def test_a_domain_is_a_name(domain: str) -> None:
    (sentence,) = troubles({**GOOD, "DOMAIN": domain})
    assert repr(domain) in sentence


def test_a_password_in_a_file_counts_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("homin\n")
    given = {**GOOD, "BROKER_PASSWORD_FILE": str(tmp_path / "password")}
    assert [sentence.split()[0] for sentence in troubles(given)] == ["BROKER_PASSWORD"]
    (tmp_path / "password").write_text("b" * 12)
    assert troubles(given) == []


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    (sentence,) = troubles({**GOOD, "BROKER_PASSWORD_FILE": str(tmp_path / "nothing")})
    assert sentence == "BROKER_PASSWORD_FILE cannot be read: No such file or directory."
