"""What may be a room, a name, an id, a file's name; and which shard a room belongs to."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.protocol.characters import LATER, folded, is_composed, normal, shows
from shared.protocol.names import FILE_NAME_CHARS, FileName, MessageId, Room, Text, UserId, UserName, shard_of

ROOM, USER_NAME, FILE_NAME, MESSAGE_ID, USER_ID, TEXT = (
    TypeAdapter[str](kind) for kind in (Room, UserName, FileName, MessageId, UserId, Text)
)
# web/test/client/characters.test.ts reads the same.
CASES = json.loads((Path(__file__).parents[1] / "cases/characters.json").read_text())
COMBINING = "e\u0301"  # é, not composed
EVERYWHERE_WRONG = [
    "",
    COMBINING,
    "a\nb",
    "a\x00b",
    "a\u202eb",
    "a\u200fb",
    "a\u2066b",
    "a\u200bb",
    "a\ufeffb",
    "a\u2028b",
    "a\ud800b",
]


def allows(kind: TypeAdapter[str], value: Any) -> bool:
    try:
        kept = kind.validate_python(value)
    except (ValidationError, UnicodeEncodeError):
        return False
    assert kept == value, "what is allowed is kept as it came"
    return True


@pytest.mark.parametrize(
    "room", ["a", "A-1_b.c", "загальна", "ґанок", "部屋", "غرفة", "हिन्दी", "٣", "x" * 64, "é", ".", "-"]
)
def test_a_room_is_letters_of_any_script_digits_and_a_few_marks(room: str) -> None:
    assert allows(ROOM, room)


@pytest.mark.parametrize(
    "room", [*EVERYWHERE_WRONG, "x" * 65, "a b", " a", "a/b", "a\\b", "a#b", "😀", "a:b", "a'b", "a\n", 5, None]
)
def test_a_room_is_nothing_else(room: object) -> None:
    assert not allows(ROOM, room)


@pytest.mark.parametrize("name", ["a", "Olena K.", "Олена Їжак", "O'Neil-Ș", "明日香", "😀", "x" * 32, "❤️"])
def test_a_name_is_visible_characters(name: str) -> None:
    assert allows(USER_NAME, name)


INVISIBLE = ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800", "\u034f", "\u17b4", "\u180b"]


@pytest.mark.parametrize(
    "name",
    [*EVERYWHERE_WRONG, "x" * 33, " a", "a ", "\u00a0a", "\u3000", "\t", "a\tb", "\ue000", "\uffff", *INVISIBLE,
     *(f"a{c}" for c in INVISIBLE)],
    ids=ascii,
)  # fmt: skip
def test_a_name_has_nothing_that_cannot_be_seen(name: str) -> None:
    assert not allows(USER_NAME, name)


@pytest.mark.parametrize("name", CASES["user_names"]["yes"], ids=ascii)
def test_a_name_may_have_emoji_of_any_year_and_joiners_where_they_are_seen(name: str) -> None:
    assert allows(USER_NAME, name)


@pytest.mark.parametrize("name", CASES["user_names"]["no"], ids=ascii)
def test_a_name_has_nothing_by_which_two_names_would_look_the_same(name: str) -> None:
    assert not allows(USER_NAME, name)


@pytest.mark.parametrize(("sent", "shown"), CASES["file_names"], ids=lambda name: ascii(name)[:40])
def test_a_file_s_name_is_shown_without_what_could_deceive_and_never_refused(sent: str, shown: str) -> None:
    assert FILE_NAME.validate_python(sent) == shown


@given(st.text(max_size=40) | st.text("\u202e\u0301\u0323\u200d\u2800 ./\n\x00ae\U0001f468", max_size=1_200))
def test_a_file_s_name_is_one_line_that_shows_something_and_a_second_time_the_same(sent: str) -> None:
    shown = FILE_NAME.validate_python(sent)
    assert 1 <= len(shown) <= FILE_NAME_CHARS
    assert shows(shown)
    assert "/" not in shown
    assert shown not in (".", "..")
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    assert not any(unicodedata.bidirectional(char) in BIDI for char in shown)
    assert FILE_NAME.validate_python(shown) == shown


BIDI = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def test_a_name_of_a_million_marks_takes_no_time() -> None:
    """Composing takes time with the square of a run of marks; this would be minutes."""
    assert len(FILE_NAME.validate_python("a" + "\u0301\u0323" * 500_000)) <= FILE_NAME_CHARS


@given(st.text(max_size=40))
def test_whatever_is_allowed_is_composed_and_has_no_control(value: str) -> None:
    for kind in (ROOM, USER_NAME):
        if allows(kind, value):
            assert is_composed(value)
            assert shows(value)
            assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value)


def test_an_id_is_64_visible_ascii_characters_at_most() -> None:
    assert allows(MESSAGE_ID, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert allows(MESSAGE_ID, "!" * 64)
    for wrong in ("", "!" * 65, "a b", "a\n", "é", "\x7f"):
        assert not allows(MESSAGE_ID, wrong)
    assert allows(USER_ID, "x" * 128)
    assert not allows(USER_ID, "x" * 129)


@pytest.mark.parametrize("text", [*CASES["shows"]["yes"], "😀" * 9, COMBINING, "\u202ea"], ids=ascii)
def test_a_text_is_whatever_shows_something(text: str) -> None:
    assert allows(TEXT, text)


@pytest.mark.parametrize("text", [*CASES["shows"]["no"], "", "a\x00"], ids=ascii)
def test_a_text_that_shows_nothing_is_none(text: str) -> None:
    assert not allows(TEXT, text)


def test_what_a_character_is_does_not_depend_on_the_python() -> None:
    """This Python's Unicode (`unicodedata.unidata_version`) and that of 3.11 agree on all forms of all characters but
    those in LATER: where this fails, a Python with a newer Unicode has come, and LATER lacks what is new in it."""
    later = re.compile(f"[{LATER}]")
    digest = sha256()
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code < 0xE000 or later.match(char := chr(code)):
            continue
        forms = [unicodedata.normalize(form, char) for form in ("NFD", "NFC", "NFKD", "NFKC")]
        if {*forms, char.casefold()} != {char} or unicodedata.combining(char):
            digest.update(repr((code, forms, char.casefold(), unicodedata.combining(char))).encode())
    assert digest.hexdigest() == "c5f7a5c0d4658bf8b6ca48f8008ebe03909f2874a82976a81df3c2c2c8d8f7b8"


@given(st.text(max_size=20))
def test_the_forms_leave_alone_what_is_newer(text: str) -> None:
    for newer in ("\u0897", "\U000105d2\u0307", "\U00010d50"):
        assert is_composed(newer)
        assert normal("NFC", f"{text}{newer}").endswith(newer)
        assert folded(newer) == newer
    assert normal("NFC", text) == unicodedata.normalize("NFC", text) or re.search(f"[{LATER}]", text)


def test_a_room_s_shard_is_the_crc32_of_its_utf_8_modulo_the_shards() -> None:
    """Written out: a deployment's rooms must be found where they were by every later version."""
    assert [shard_of(room, 16) for room in ("general", "загальна", "a")] == [10, 14, 3]
    assert shard_of("general", 1) == 0


def test_rooms_spread_over_all_shards() -> None:
    spread = Counter(shard_of(f"room-{number}", 16) for number in range(1_600))
    assert set(spread) == set(range(16))
    assert min(spread.values()) > 50
