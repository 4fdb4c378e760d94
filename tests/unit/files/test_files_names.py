"""Names that are shown, and names under which bytes lie."""

from __future__ import annotations

import re
import unicodedata
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.core.names import content_disposition, display_name, is_file_id, object_key
from shared.protocol.errors import ErrorCode, Refused


@pytest.mark.parametrize("name", ["звіт.pdf", "a b.txt", "…", 'say "hi".txt', ".env", "100%.txt", "a'b;c=d.txt"])
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert display_name(name) == name


def test_a_name_written_apart_is_composed() -> None:
    assert display_name(unicodedata.normalize("NFD", "їжак й.png")) == "їжак й.png"


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../etc/passwd", "a/b", "a\\b", "..\\x", "a\nb", "a\r\nSet-Cookie: x", "a\x00", "a\x7f",
        "\u202egpj.exe", "a\u200bb", " a", "a ", "a" * 256, "\ud800",
    ],
)  # fmt: skip
def test_a_path_a_line_break_and_a_direction_mark_are_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        display_name(name)
    assert refused.value.code is ErrorCode.INVALID_FRAME


@given(st.text(max_size=300))
def test_what_may_be_shown_can_stand_in_a_header_and_comes_back(sent: str) -> None:
    try:
        name = display_name(sent)
    except Refused:
        return
    for inline in (True, False):
        value = content_disposition(name, inline)
        assert value.isascii()
        assert value.isprintable()
        parsed = Message()
        parsed["content-disposition"] = value
        assert parsed.get_content_disposition() == ("inline" if inline else "attachment")
        exact = re.search(r"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)\Z", value)
        shown = unquote(exact[1]) if exact else re.findall(r'filename="([^"]*)"', value)[0]
        assert shown == name


def test_a_plain_name_needs_no_second_form() -> None:
    assert content_disposition("cat.png", True) == 'inline; filename="cat.png"'
    assert content_disposition('"%.txt', False) == "attachment; filename=\"__.txt\"; filename*=UTF-8''%22%25.txt"


@given(st.text(max_size=40))
def test_only_our_own_ids_are_ids(text: str) -> None:
    assert is_file_id(text) == (len(text) == 32 and set(text) <= set("0123456789abcdef"))


def test_the_bytes_lie_where_the_id_says_and_nothing_else() -> None:
    assert object_key("ab" + "0" * 30) == "ab/ab" + "0" * 30
