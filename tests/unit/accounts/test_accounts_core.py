"""The rules of accounts."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.accounts.core.claims import Grant, User, claims
from services.accounts.core.forms import GuestForm, LoginForm, RegisterForm, name_key, same_keys
from services.accounts.core.network import network_of
from services.accounts.core.rotation import GRACE_S, Presented, may_renew


@pytest.mark.parametrize("name", ["Олена", "O'Neil", "李小龍", "a", "a" * 32, "Anna-Maria B.", "🦊"])
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert GuestForm(name=name).name == name


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a" * 33, "a\nb", "a\x00b", "a\u202eb", "a\u200bb", "e\u0301"])
def test_a_name_that_cannot_be_shown_as_it_is_is_refused(name: str) -> None:
    for form in (GuestForm, RegisterForm, LoginForm):
        with pytest.raises(ValidationError):
            form.model_validate({"name": name, "password": "long enough"} if form is not GuestForm else {"name": name})


@pytest.mark.parametrize("body", ["{}", '{"name":5}', '{"name":null}', '{"name":["a"]}', '{"name":"a","admin":true}'])
def test_a_form_has_its_fields_and_no_others(body: str) -> None:
    with pytest.raises(ValidationError):
        GuestForm.model_validate_json(body)


@given(st.text(max_size=20) | st.integers(120, 140).map(lambda length: "ж" * length))
def test_a_password_is_bounded_and_otherwise_free(password: str) -> None:
    normal = unicodedata.normalize("NFKC", password)
    good = 8 <= len(unicodedata.normalize("NFC", password)) <= 128 and "\x00" not in normal
    try:
        assert RegisterForm(name="olena", password=password).password == normal
        assert good
    except ValidationError:
        assert not good


@pytest.mark.parametrize("letter", ["ї", "i\u0308", "\u1f82", "\u03b1\u0313\u0300\u0345", "한", "\u1112\u1161\u11ab"])
def test_a_password_has_as_many_characters_as_a_person_types(letter: str) -> None:
    """Whatever pieces a keyboard makes them of: 128 are not too many, at sign-in neither; 7 are too few."""
    assert RegisterForm(name="a", password=letter * 128).password == LoginForm(name="a", password=letter * 128).password
    for length in (7, 129):
        with pytest.raises(ValidationError, match="8 to 128 characters"):
            RegisterForm(name="a", password=letter * length)


def test_nothing_of_a_password_is_cut_off() -> None:
    """One character of it may be many in the form that is hashed."""
    (ligature,) = "\ufdfa"
    made = RegisterForm(name="a", password=ligature * 128).password
    assert len(made) == 18 * 128
    assert RegisterForm(name="a", password=ligature * 127 + "!").password != made


def test_a_password_that_was_made_when_they_had_up_to_256_characters_is_still_given() -> None:
    assert len(LoginForm(name="a", password="ж" * 256).password) == 256


def test_a_password_is_the_same_from_every_keyboard() -> None:
    composed, decomposed = "пароль\u0457\u0457", "пароль\u0456\u0308\u0456\u0308"
    assert RegisterForm(name="a", password=composed).password == LoginForm(name="a", password=decomposed).password


def test_a_short_password_is_refused_when_made_and_not_when_given() -> None:
    assert LoginForm(name="a", password="1").password == "1"
    with pytest.raises(ValidationError):
        RegisterForm(name="a", password="1")


@pytest.mark.parametrize(
    ("one", "other"), [("Olena", "olena"), ("STRASSE", "straße"), ("ｏｌｅｎａ", "olena"), ("ЇЖАК", "їжак")]
)
def test_names_that_people_take_for_one_are_one(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@given(st.text())
def test_the_key_of_a_key_is_itself(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


def test_a_token_says_what_the_protocol_promises() -> None:
    said = claims(User("u-1", "Олена", guest=True), Grant("t-1", 1_000, 4_600), "homin", "homin")
    assert said == {
        "sub": "u-1",
        "name": "Олена",
        "iss": "homin",
        "aud": "homin",
        "iat": 1_000,
        "exp": 4_600,
        "jti": "t-1",
    }


NOW = 10_000_000


@pytest.mark.parametrize(
    ("presented", "goes_on"),
    [
        (Presented(None, False, False), True),  # its first use
        (Presented(NOW - 1, True, False), True),  # two tabs that started together
        (Presented(NOW - GRACE_S, True, False), True),
        (Presented(NOW - 86_400, False, False), True),  # the answer was lost, the laptop slept
        (Presented(NOW - GRACE_S - 1, True, False), False),  # a thief, or its victim, comes second
        (Presented(None, False, True), False),  # likewise, seen from the other branch
    ],
)
def test_a_sign_in_ends_when_two_parties_hold_it(presented: Presented, goes_on: bool) -> None:
    assert may_renew(presented, NOW) is goes_on


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_counts_for_what_one_customer_holds(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_name_s_key_is_the_same_on_every_python_and_does_not_see_joiners() -> None:
    """The key stands in the database: were it to change with the interpreter, a name could be had twice, or be lost."""
    assert name_key("علی\u200cرضا") == name_key("علیرضا")
    assert name_key("ÅSA") == name_key("åsa")
    assert name_key("ⅫЇ") == "xiiї"
    later = "\U00010d50\u0897\ua7cb"  # capital and combining since Unicode 16, unknown to Python 3.11
    assert name_key(f"É{later}É") == f"é{later}é"
    assert same_keys(f"ﬁ{later}") == f"fi{later}"
