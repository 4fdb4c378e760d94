"""Names that are shown, and names under which bytes lie."""

from __future__ import annotations

import re
from email.message import Message
from time import thread_time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.core import disposition
from services.files.core.names import is_file_id, object_key
from shared.protocol.names import file_name

FORM = 'form-data; name="file"; filename='


@pytest.mark.parametrize(
    ("header", "name"),
    [
        # As Chromium 156 writes them.
        ('"plain.png"', "plain.png"),
        ('"say %22hi%22.txt"', 'say "hi".txt'),
        ('"back\\slash.txt"', "back\\slash.txt"),
        ('"ends\\"', "ends\\"),
        ('"C:\\x.txt"', "C:\\x.txt"),
        ('"a%0D%0Ab%0ac.txt"', "a\r\nb\nc.txt"),
        ('"100%.txt"', "100%.txt"),
        ('"сир;x=y.txt"', "сир;x=y.txt"),
        ('" lead trail "', " lead trail "),
        ('"нам\u200cх.txt"', "нам\u200cх.txt"),
        ('""', ""),
        # As httpx 0.28 does.
        ('"back\\\\slash.txt"', "back\\slash.txt"),
        ('"ends\\\\"', "ends\\"),
        # As other programs do.
        ('"say \\"hi\\".txt"', 'say "hi".txt'),
        ('"a\\"; b\\\\c.txt"; x=y', 'a"; b\\c.txt'),
        ('"say "hi".txt"', 'say "hi".txt'),
        ("plain.png", "plain.png"),
        ("plain.png ; x=y;", "plain.png"),
        ("\"x.txt\"; filename*=UTF-8''%D0%BA%D1%96%D1%82.txt", "кіт.txt"),
        ("x.txt; filename*=utf-8'uk'%d1%97.txt", "ї.txt"),
        ("\"x.txt\"; filename*=ISO-8859-1''%A3.txt", "£.txt"),
        ("\"x.txt\"; filename*=UTF-8''%FF.txt", "x.txt"),
        ("\"x.txt\"; filename*=KOI8-R''%C1.txt", "x.txt"),
        ("\"x.txt\"; filename*=UTF-8''a b.txt", "x.txt"),
    ],
)  # fmt: skip
def test_a_form_s_name_is_what_its_sender_meant(header: str, name: str) -> None:
    assert disposition.read(f"{FORM}{header}".encode()) == ("file", name)


def test_a_field_is_no_file_and_bytes_of_another_alphabet_are_no_reason_to_refuse() -> None:
    assert disposition.read(b'form-data; name="id"') == ("id", None)
    assert disposition.read(b"form-data") == disposition.read(b"") == ("", None)
    assert disposition.read(b'form-data; NAME = file; FileName="\xea.txt"') == ("file", "\ufffd.txt")


@given(st.text(st.sampled_from("\"\\;=% '*aя"), max_size=30) | st.text(max_size=60))
def test_whatever_a_name_is_a_browser_s_form_brings_it_whole(name: str) -> None:
    name = name.encode(errors="replace").decode()  # a browser has no half characters either
    written = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    written = re.sub(r"\\+", r"\\", written)  # of two backslashes one remains
    meant = re.sub("%(0D|0A|22)", lambda found: chr(int(found[1], 16)), written, flags=re.IGNORECASE)
    assert disposition.read(f'{FORM}"{written}"'.encode()).filename == meant


@pytest.mark.parametrize("piece", ["; ", ' "', "\\", '\\"', ';filename="', "filename*=a'", " =", "%"])
def test_a_header_is_read_in_one_go_however_it_is_written(piece: str) -> None:
    begun = thread_time()
    disposition.read((FORM + piece * (65_000 // len(piece)) + "!").encode())
    assert thread_time() - begun < 1


@given(st.text(max_size=300))
def test_what_may_be_shown_can_stand_in_a_header_and_comes_back(sent: str) -> None:
    name = file_name(sent)
    for inline in (True, False):
        value = disposition.write(name, inline)
        assert value.isascii()
        assert value.isprintable()
        parsed = Message()
        parsed["content-disposition"] = value
        assert parsed.get_content_disposition() == ("inline" if inline else "attachment")
        exact = re.search(r"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*)\Z", value)
        shown = unquote(exact[1]) if exact else re.findall(r'filename="([^"]*)"', value)[0]
        assert shown == name
        assert disposition.read(value.encode()).filename == name


def test_a_plain_name_needs_no_second_form() -> None:
    assert disposition.write("cat.png", True) == 'inline; filename="cat.png"'
    assert disposition.write('"%.txt', False) == "attachment; filename=\"__.txt\"; filename*=UTF-8''%22%25.txt"


@given(st.text(max_size=40))
def test_only_our_own_ids_are_ids(text: str) -> None:
    assert is_file_id(text) == (len(text) == 32 and set(text) <= set("0123456789abcdef"))


def test_the_bytes_lie_where_the_id_says_and_nothing_else() -> None:
    assert object_key("ab" + "0" * 30) == "ab/ab" + "0" * 30
