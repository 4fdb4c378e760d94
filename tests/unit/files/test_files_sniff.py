"""What bytes are, and who lies about it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.core.sniff import INLINE, MEDIA, TEXT, UNKNOWN, Sniffer, agrees
from tests.unit.files import samples


def sniffed(content: bytes, *cuts: int) -> Sniffer:
    sniffer = Sniffer()
    places = sorted({0, *(cut % (len(content) + 1) for cut in cuts), len(content)})
    for start, stop in pairwise(places):
        sniffer.feed(content[start:stop])
    return sniffer


@pytest.mark.parametrize(("mime", "content"), samples.TYPES.items())
def test_a_format_is_known_by_its_bytes(mime: str, content: bytes) -> None:
    assert sniffed(content).mime == mime


def test_a_tagged_mp3_is_known_by_its_tag() -> None:
    assert sniffed(samples.MP3_TAGGED).mime == "audio/mpeg"


@given(st.sampled_from(sorted(samples.TYPES.items())), st.lists(st.integers(0, 2000), max_size=8))
def test_it_does_not_matter_in_what_pieces_the_bytes_come(sample: tuple[str, bytes], cuts: list[int]) -> None:
    mime, content = sample
    assert sniffed(content, *cuts).mime == mime


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])), st.lists(st.integers(0, 500), max_size=5))
def test_what_is_utf_8_throughout_is_text_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    assert sniffed(("я" + text).encode(), *cuts).mime == TEXT


@pytest.mark.parametrize(
    "content", [samples.HTML, samples.SVG, b"<?xml version='1.0'?><x/>", b"<html>", b"\xef\xbb\xbfhi", b""]
)
def test_markup_is_never_called_by_its_name(content: bytes) -> None:
    assert sniffed(content).mime == TEXT


@pytest.mark.parametrize(
    "content",
    [
        "Привіт".encode("cp1251"), "<html>".encode("utf-16"), "Привіт".encode()[:-1], b"a\x00b", b"\xc0\xaf",
        b"\x1b\x01", b"text and then\xff" * 1000,
    ],
)  # fmt: skip
def test_what_is_not_utf_8_throughout_is_not_text(content: bytes) -> None:
    assert sniffed(content).mime == UNKNOWN


def test_text_that_turns_binary_late_is_not_text() -> None:
    assert sniffed(b"a" * 100_000 + b"\x00", 4096, 50_000).mime == UNKNOWN


@pytest.mark.parametrize(
    "start", [b"ID3 tags are old", b"BMW is a car", b"RIFF raff", b"OggS", b"GIF89a", b"fLaC", b"RIFF1234WEBS"]
)
def test_a_text_that_starts_like_a_picture_is_text(start: bytes) -> None:
    assert sniffed(start).mime == TEXT


@given(st.binary(max_size=600))
def test_arbitrary_bytes_have_a_type_that_can_stand_in_a_header(content: bytes) -> None:
    mime = sniffed(content).mime
    assert mime.isascii()
    assert mime.count("/") == 1
    assert not set(mime) & set(" \r\n\t;,")
    assert not any(word in mime for word in ("html", "svg", "xml", "script"))


@given(st.binary(max_size=300))
def test_only_our_own_table_says_what_is_shown_in_place(tail: bytes) -> None:
    """Bytes behind a NUL have no signature of ours, whatever they are."""
    assert sniffed(b"\x00\x00\x00\x00" + tail).mime not in INLINE


@pytest.mark.parametrize("content", [samples.PNG, samples.MP4, samples.MP3])
@pytest.mark.parametrize(
    "declared", ["text/html", "text/plain", "application/pdf", "image/svg+xml", "application/javascript"]
)
def test_a_picture_that_says_it_is_something_else_lies(declared: str, content: bytes) -> None:
    assert not agrees(declared, sniffed(content))


@pytest.mark.parametrize(
    "declared", ["image/png", "IMAGE/PNG", "image/jpeg", "audio/mpeg", "video/mp4", "application/pdf"]
)
@pytest.mark.parametrize("content", [samples.HTML, samples.TEXT, b""])
def test_text_that_says_it_is_a_picture_lies(declared: str, content: bytes) -> None:
    assert not agrees(declared, sniffed(content))


@pytest.mark.parametrize("declared", ["image/png", "video/mp4", "text/html", "text/plain"])
def test_bytes_that_nobody_knows_are_no_picture_and_no_text(declared: str) -> None:
    assert not agrees(declared, sniffed(bytes(100)))


@pytest.mark.parametrize("content", [*samples.TYPES.values(), bytes(100), samples.EXE])
@pytest.mark.parametrize("declared", ["", "application/octet-stream"])
def test_who_declares_nothing_does_not_lie(declared: str, content: bytes) -> None:
    assert agrees(declared, sniffed(content))


@pytest.mark.parametrize(("mime", "content"), samples.TYPES.items())
def test_the_truth_agrees(mime: str, content: bytes) -> None:
    assert agrees(mime, sniffed(content))


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("image/png", samples.JPEG), ("audio/webm", samples.WEBM), ("video/ogg", samples.OGG), ("text/csv", b"a,b"),
        ("application/json", b"{}"), ("image/svg+xml", samples.SVG), ("text/html", samples.HTML),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", samples.ZIP),
    ],
)  # fmt: skip
def test_a_mistake_within_a_kind_is_no_lie(declared: str, content: bytes) -> None:
    assert agrees(declared, sniffed(content))


@given(st.text(max_size=40), st.binary(max_size=200))
def test_what_is_declared_as_media_and_agrees_is_media(declared: str, content: bytes) -> None:
    sniffer = sniffed(content)
    for kind in sorted(MEDIA):
        if agrees(f"{kind}/{declared}", sniffer):
            assert sniffer.mime.partition("/")[0] in MEDIA or sniffer.is_svg
