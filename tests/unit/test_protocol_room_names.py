"""Under which name a room comes into being. The page's suite reads the same table: web/test/page/room-names.test.ts."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.protocol.names import Room, coined

CASES = json.loads((Path(__file__).parents[1] / "cases/room_names.json").read_text())
ROOM: TypeAdapter[str] = TypeAdapter(Room)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case["asked"]))
def test_a_room_comes_into_being_in_small_letters(case: dict[str, str]) -> None:
    assert coined(case["asked"]) == case["coined"]
    assert case["coined"] == "" or ROOM.validate_python(case["coined"]) == case["coined"]


@given(st.text(st.characters(categories=["L", "M", "Nd"], include_characters="-_."), min_size=1, max_size=64))
def test_what_is_coined_is_a_room_and_is_coined_as_itself(asked: str) -> None:
    asked = unicodedata.normalize("NFC", asked)
    try:
        ROOM.validate_python(asked)
    except ValidationError:
        return  # too long in this form, or newer than the validator's Unicode
    new = coined(asked)
    assert coined(new) == new
    assert new == "" or ROOM.validate_python(new) == new
