"""How large a picture is as shown: by files that programs made, and by some that mean ill."""

from __future__ import annotations

import io
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from services.files.core.pictures import LONGEST_SIDE, STEPS, Dimensions
from tests.unit.files import samples
from tests.unit.files.pictures import (
    KINDS,
    SIZE,
    avif,
    box,
    chunk,
    exif,
    gif,
    ispe,
    jpeg,
    png,
    segment,
    written,
)  # fmt: skip
from tests.unit.files.test_files_containers import sniffed

LYING, UPRIGHT = Dimensions(60, 40), Dimensions(40, 60)


@cache
def kind(name: str) -> bytes:
    return KINDS[name]()


def dimensions(content: bytes, *cuts: int) -> Dimensions | None:
    return sniffed(content, *cuts).dimensions


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_of_each_kind_says_how_large_it_is(name: str) -> None:
    assert dimensions(kind(name)) == SIZE


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "AVIF"])
def test_what_lies_on_its_side_in_the_file_is_measured_as_it_is_shown(format: str, orientation: int) -> None:
    content = written(format, orientation=orientation)
    with Image.open(io.BytesIO(content)) as picture:
        assert dimensions(content) == ImageOps.exif_transpose(picture).size == (UPRIGHT if orientation > 4 else LYING)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_browsers_do_not_turn_webp(orientation: int) -> None:
    assert dimensions(written("WEBP", orientation=orientation)) == SIZE


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("before", [0, 40])
def test_exif_data_are_read_in_either_order_of_bytes(order: str, before: int) -> None:
    data = exif(order, 6, before=before)
    assert dimensions(jpeg(segment(0xE1, b"Exif\0\0" + data))) == UPRIGHT
    assert dimensions(png(*SIZE, before=chunk(b"eXIf", data))) == UPRIGHT


@pytest.mark.parametrize(
    "data",
    [b"", b"II", exif("<", 9), exif("<", 0), b"XX" + exif("<", 6)[2:], b"II*\0\xff\xff\xff\xff", exif("<", 6)[:12],
     b"II*\0\x04\0\0\0" + exif("<", 6)[8:], b"II*\0\x08\0\0\0\xff\xff" + bytes(100)],
)  # fmt: skip
def test_exif_data_that_make_no_sense_turn_nothing(data: bytes) -> None:
    assert dimensions(jpeg(segment(0xE1, b"Exif\0\0" + data))) == LYING
    assert dimensions(png(*SIZE, before=chunk(b"eXIf", data))) == LYING


def test_the_size_may_stand_behind_megabytes() -> None:
    """As behind the colour profile of a CMYK picture, or what a picture's program notes in it."""
    notes = [segment(0xE2, bytes(60_000))] * 100
    content = jpeg(segment(0xE1, b"Exif\0\0" + exif(">", 8)), *notes)
    assert dimensions(content, *range(0, len(content), 65_536)) == UPRIGHT
    content = png(*SIZE, before=chunk(b"iTXt", bytes(5_000_000)) + chunk(b"eXIf", exif("<", 5)))
    assert dimensions(content, *range(0, len(content), 65_536)) == UPRIGHT


def test_a_jpeg_s_odd_corners() -> None:
    assert dimensions(jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"), segment(0xE1))) == LYING
    assert dimensions(jpeg(b"\xff" * 100, b"\xff\x01", segment(0xFE, b"\xff\xd9\xff\xc0"))) == LYING
    assert dimensions(jpeg(b"\xff\xe0\x00\x01")) is None
    assert dimensions(b"\xff\xd8" + segment(0xE0, bytes(14)) + segment(0xDA, bytes(6))) is None, "a scan of no frame"


def test_a_first_picture_larger_than_its_screen_widens_it() -> None:
    assert dimensions(gif((10, 10), (0, 0, 60, 40))) == LYING
    assert dimensions(gif((0, 0), (0, 0, 60, 40))) == LYING
    assert dimensions(gif((60, 40), (5, 5, 10, 10))) == LYING
    assert dimensions(gif((10, 10), (20, 20, 40, 20))) == LYING


def test_the_properties_of_the_avif_item_that_is_shown_decide() -> None:
    assert dimensions(avif(ispe())) == LYING
    assert dimensions(avif(box(b"pixi", bytes(8)), box(b"irot", b"\x01"), ispe(), wide=True)) == UPRIGHT
    assert dimensions(avif(ispe(), box(b"irot", b"\x02"), box(b"imir", b"\x01"))) == LYING
    assert dimensions(avif(ispe(), item=2)) is None
    assert dimensions(avif(box(b"irot", b"\x01"))) is None
    assert dimensions(avif(ispe(), box(b"clap", bytes(32)))) is None, "browsers do not agree on what is cut out"


@pytest.mark.parametrize("side", [1, LONGEST_SIDE])
def test_sides_up_to_the_longest_are_told(side: int) -> None:
    for content in (png(side, 40), jpeg(width=side), avif(ispe(side))):
        assert dimensions(content) == (side, 40)


@pytest.mark.parametrize("side", [0, LONGEST_SIDE + 1, 2**31, 2**32 - 1])
def test_a_side_that_cannot_be_is_not_told(side: int) -> None:
    for content in (png(side, 40), png(40, side), avif(ispe(side)), avif(ispe(40, side))):
        assert dimensions(content) is None
    assert dimensions(jpeg(height=0)) is dimensions(gif((0, 0), (0, 0, 0, 0))) is None


@pytest.mark.parametrize(
    "content", [samples.PDF, samples.TEXT, samples.HEIC, samples.MP4, samples.SVG, b"", b"\x89PNG"]
)
def test_what_is_no_picture_for_browsers_has_no_dimensions(content: bytes) -> None:
    assert dimensions(content) is None


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_that_was_cut_says_it_rightly_or_not_at_all(name: str) -> None:
    content = kind(name)
    found = [dimensions(content[:cut]) for cut in range(min(len(content), 1_000))]
    assert set(found) <= {None, SIZE}
    assert set(found[:24]) == {None}


@given(st.sampled_from(sorted(KINDS)), st.lists(st.integers(0, 2**31), max_size=20))
def test_how_the_bytes_are_cut_on_their_way_changes_nothing(name: str, cuts: list[int]) -> None:
    assert dimensions(kind(name), *cuts) == SIZE


@given(st.data())
def test_no_bytes_whatever_do_harm(data: st.DataObject) -> None:
    content = bytearray(kind(data.draw(st.sampled_from(sorted(KINDS)))))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, min(len(content), 600) - 1))] = data.draw(st.integers(0, 255))
    found = dimensions(bytes(content), data.draw(st.integers(0, 700)))
    assert found is None or all(0 < side <= LONGEST_SIDE for side in found)


MANY = {
    "segments": lambda count: jpeg(*[segment(0xE0)] * count),
    "fill bytes": lambda count: jpeg(b"\xff" * count),
    "no markers": lambda count: jpeg(segment(0xE0), bytes(count)),
    "chunks": lambda count: png(*SIZE, before=chunk(b"tEXt", b"") * count),
    "entries": lambda count: png(*SIZE, before=chunk(b"eXIf", exif("<", 1, before=count))),
    "blocks": lambda count: gif(SIZE, (0, 0, 1, 1), comments=count),
    "boxes": lambda count: avif(ispe(), before=box(b"free") * count),
    "properties": lambda count: avif(ispe(), others=count),
}


@pytest.mark.parametrize("name", MANY)
def test_what_is_behind_too_many_parts_is_not_looked_for(name: str) -> None:
    assert dimensions(MANY[name](10)) == SIZE
    assert dimensions(MANY[name](STEPS)) is None


def test_an_item_behind_too_many_is_not_looked_for() -> None:
    content = avif(ispe()).replace(b"ipma" + bytes(7) + b"\x01\0\x01", b"ipma" + bytes(4) + b"\xff\xff\xff\xff\0\x02")
    assert dimensions(content + bytes(1_000_000)) is None
