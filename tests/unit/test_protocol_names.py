"""What may be a room, a name, an id, a file's name; and which shard a room belongs to."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.protocol.names import FileName, MessageId, Room, Text, UserId, UserName, shard_of

ROOM, USER_NAME, FILE_NAME, MESSAGE_ID, USER_ID, TEXT = (
    TypeAdapter[str](kind) for kind in (Room, UserName, FileName, MessageId, UserId, Text)
)
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


@pytest.mark.parametrize(
    "name", ["a.png", "Звіт за рік.pdf", "x" * 255, ".bashrc", "a..b", "😀.gif", "a'b\"c;d|e&.txt"]
)
def test_a_file_s_name_is_for_display(name: str) -> None:
    assert allows(FILE_NAME, name)


@pytest.mark.parametrize(
    "name", [*EVERYWHERE_WRONG, "x" * 256, "../a", "a/b", "a\\b", ".", "..", "a\r\nb", " a"], ids=ascii
)
def test_a_file_s_name_is_no_path_and_one_line(name: str) -> None:
    assert not allows(FILE_NAME, name)


@given(st.text(max_size=40))
def test_whatever_is_allowed_is_composed_and_has_no_control(value: str) -> None:
    for kind in (ROOM, USER_NAME, FILE_NAME):
        if allows(kind, value):
            assert unicodedata.is_normalized("NFC", value)
            assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in value)


def test_an_id_is_64_visible_ascii_characters_at_most() -> None:
    assert allows(MESSAGE_ID, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert allows(MESSAGE_ID, "!" * 64)
    for wrong in ("", "!" * 65, "a b", "a\n", "é", "\x7f"):
        assert not allows(MESSAGE_ID, wrong)
    assert allows(USER_ID, "x" * 128)
    assert not allows(USER_ID, "x" * 129)


def test_a_text_is_anything_but_empty_and_nul() -> None:
    for text in (" ", "\n", "\u202e", "😀" * 100, COMBINING):
        assert allows(TEXT, text)
    for wrong in ("", "a\x00"):
        assert not allows(TEXT, wrong)


def test_a_room_s_shard_is_the_crc32_of_its_utf_8_modulo_the_shards() -> None:
    """Written out: a deployment's rooms must be found where they were by every later version."""
    assert [shard_of(room, 16) for room in ("general", "загальна", "a")] == [10, 14, 3]
    assert shard_of("general", 1) == 0


def test_rooms_spread_over_all_shards() -> None:
    spread = Counter(shard_of(f"room-{number}", 16) for number in range(1_600))
    assert set(spread) == set(range(16))
    assert min(spread.values()) > 50
