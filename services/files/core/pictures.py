"""How wide and high a picture is as browsers show it, read while its bytes stream by (walk.py). No pixel is decoded.

Sources: PNG (third edition, 5.3, 11.2.1, 11.3.4.5), JPEG (ITU-T T.81, annex B), Exif (CIPA DC-008, 4.6), GIF89a (18),
WebP (RFC 9649, 2.5 to 2.7; VP8's frame header RFC 6386, 9.1), AVIF (ISO 23008-12, 6.5 and 9.3; ISO 14496-12, 8.11).

What turns a picture is up to browsers, and so is what they do with odd files: it was seen in Chromium 150. Exif data
turn JPEG and PNG, and neither WebP nor AVIF, which has properties of its own for it.

It is not left to a library, because none reads what streams: Pillow 13 wants the whole of a WebP or an AVIF file to say
how large it is, and imagesize 2.0.1 has to seek, and fails at an AVIF file that is turned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from services.files.core.walk import Parser, Skip, Take, Walk

LONGEST_SIDE: Final = 65_535
"""Pixels of a side. No JPEG or GIF file can have more; what says so is no picture that anybody looks at."""

STEPS: Final = 5_000
"""Segments, chunks, boxes that are looked at, about; a real file has some tens of them before its pixels. It bounds
what a file that means ill costs everybody: some 10 ms."""


class Dimensions(NamedTuple):
    """In pixels, as shown: a photo that lies on its side in the file and is turned by its Exif data stands upright."""

    width: int
    height: int


Answer = Dimensions | None


def picture_walk(start: bytes) -> Walk[Answer] | None:
    """The walk for a picture that begins with `start` (START_BYTES, or all of it); None where it is none of these."""
    for magic, at, parser in _FORMATS:
        if start[at : at + len(magic)] == magic:
            return Walk(parser(), STEPS)
    return None


def _shown(width: int, height: int, *, turned: bool = False) -> Answer:
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        return None
    return Dimensions(height, width) if turned else Dimensions(width, height)


def _png() -> Parser[Answer]:
    """Chunks of a length, a name, data and a checksum; the header is the first, and pixels end what is of interest."""
    yield Skip(16)
    sides = yield Take(8)
    yield Skip(5 + 4)
    turned = False
    while True:
        head = yield Take(8)
        length = int.from_bytes(head[:4])
        if head[4:] == b"IDAT":
            return _shown(int.from_bytes(sides[:4]), int.from_bytes(sides[4:]), turned=turned)
        if head[4:] == b"eXIf":
            turned = yield from _exif(length)
            yield Skip(4)
        else:
            yield Skip(length + 4)


_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_APP1, _SCAN, _END = 0xE1, 0xDA, 0xD9


def _jpeg() -> Parser[Answer]:
    """Segments of a marker and a length. The frame header has the size, and Exif data stand before the first scan."""
    yield Skip(2)
    sides, turned = b"", False
    while True:
        while (yield Take(1)) != b"\xff":
            pass
        marker = 0xFF
        while marker == 0xFF:
            marker = (yield Take(1))[0]
        if marker in (_SCAN, _END):
            break
        if marker in _BARE or marker == 0:
            continue
        room = int.from_bytes((yield Take(2))) - 2
        if room < 0:
            return None
        if marker in _FRAMES and room >= 5:
            sides = (yield Take(5))[1:]
            room -= 5
        elif marker == _APP1 and room >= 6:
            room -= 6
            if (yield Take(6)) == b"Exif\0\0":
                turned = yield from _exif(room)
                room = 0
        yield Skip(room)
    return _shown(int.from_bytes(sides[2:]), int.from_bytes(sides[:2]), turned=turned)


_ORIENTATION: Final = 0x0112
_TURNED: Final = range(5, 9)


def _exif(room: int) -> Parser[bool]:
    """Whether the Exif data of `room` bytes, all of which are read, turn the picture by a quarter."""
    if room < 8:
        yield Skip(room)
        return False
    head = yield Take(8)
    order: Final = "little" if head[:2] == b"II" else "big"
    at = int.from_bytes(head[4:], order) - 8
    turned, room = False, room - 8
    if head[:2] in (b"II", b"MM") and 0 <= at <= room - 2:
        yield Skip(at)
        count = int.from_bytes((yield Take(2)), order)
        room -= at + 2
        for _ in range(min(count, room // 12)):
            entry = yield Take(12)
            room -= 12
            # One number of 16 bits, which stands at the beginning of the four bytes that there are for it.
            if int.from_bytes(entry[:2], order) == _ORIENTATION:
                turned = int.from_bytes(entry[8:10], order) in _TURNED
                break
    yield Skip(room)
    return turned


def _gif() -> Parser[Answer]:
    """Blocks. A first picture that is larger than the screen which the header names widens it, in browsers."""
    yield Skip(6)
    head = yield Take(7)
    screen = head[:4]
    if head[4] & 0x80:
        yield Skip(3 << 1 + head[4] % 8)  # the colours
    while True:
        kind = yield Take(1)
        if kind == b",":
            place = yield Take(8)
            right, bottom = _little(place, 0) + _little(place, 4), _little(place, 2) + _little(place, 6)
            return _shown(max(_little(screen, 0), right), max(_little(screen, 2), bottom))
        if kind != b"!":
            return None
        yield Skip(1)
        while size := (yield Take(1))[0]:
            yield Skip(size)


def _little(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _webp() -> Parser[Answer]:
    """The first chunk: the canvas of the extended format, else the picture itself, with losses or without."""
    yield Skip(12)
    name = (yield Take(8))[:4]
    if name == b"VP8X":
        sides = (yield Take(10))[4:]
        return _shown(1 + int.from_bytes(sides[:3], "little"), 1 + int.from_bytes(sides[3:], "little"))
    if name == b"VP8L":
        head = yield Take(5)
        sides_bits = int.from_bytes(head[1:], "little")
        return _shown(1 + (sides_bits & 0x3FFF), 1 + (sides_bits >> 14 & 0x3FFF)) if head[0] == 0x2F else None
    if name == b"VP8 ":
        head = yield Take(10)
        return _shown(_little(head, 6) & 0x3FFF, _little(head, 8) & 0x3FFF) if head[3:6] == b"\x9d\x01\x2a" else None
    return None


def _avif() -> Parser[Answer]:
    """Boxes. `meta` names the item that is shown, lists all properties, and says which of them each item has."""
    while True:
        name, body, _ = yield from _box(1 << 63)
        if name == b"meta" and body >= 4:
            yield Skip(4)
            return (yield from _meta(body - 4))
        if body < 0:
            return None
        yield Skip(body)


def _box(room: int) -> Parser[tuple[bytes, int, int]]:
    """Of the next box in `room` bytes: its name, the bytes of its body (below 0 where it cannot be), those after it."""
    if room < 8:
        return b"", -1, 0
    head = yield Take(8)
    size, used = int.from_bytes(head[:4]), 8
    if size == 1 and room >= 16:  # the true one follows
        size, used = int.from_bytes((yield Take(8))), 16
    elif size == 0:  # up to the end
        size = room
    return (head[4:], size - used, room - size) if used <= size <= room else (b"", -1, 0)


def _meta(room: int) -> Parser[Answer]:
    shown = 0
    while True:
        name, body, room = yield from _box(room)
        if name == b"iprp":
            return (yield from _item(body, shown))
        if body < 0:
            return None
        if name == b"pitm" and body >= 8:
            head = yield Take(8)
            shown = int.from_bytes(head[4:] if head[0] else head[4:6])
            body -= 8
        elif name == b"pitm" and body == 6:
            shown = int.from_bytes((yield Take(6))[4:])
            body = 0
        yield Skip(body)


def _item(room: int, shown: int) -> Parser[Answer]:
    """The dimensions of the item `shown` by the `room` bytes of `iprp`."""
    properties: dict[int, tuple[bytes, bytes]] = {}
    while True:
        name, body, room = yield from _box(room)
        if body < 0:
            return None
        if name == b"ipco":
            properties = yield from _properties(body)
        elif name == b"ipma" and body >= 8:
            indexes = yield from _indexes(body, shown)
            mine = dict(properties[index] for index in indexes if index in properties)
            # What is cut out of a picture (`clap`) browsers show in different ways.
            if b"ispe" not in mine or b"clap" in mine:
                return None
            sides = mine[b"ispe"][4:]
            turned = mine.get(b"irot", b"\0")[0] % 2 == 1
            return _shown(int.from_bytes(sides[:4]), int.from_bytes(sides[4:]), turned=turned)
        else:
            yield Skip(body)


_PROPERTIES: Final = {b"ispe": 12, b"irot": 1, b"clap": 0}


def _properties(room: int) -> Parser[dict[int, tuple[bytes, bytes]]]:
    """Names and beginnings of those that matter, by their places, of which the first is 1."""
    found: dict[int, tuple[bytes, bytes]] = {}
    at = 0
    while room > 0:
        name, body, room = yield from _box(room)
        at += 1
        if 0 <= _PROPERTIES.get(name, -1) <= body:
            found[at] = name, (yield Take(_PROPERTIES[name]))
            body -= _PROPERTIES[name]
        yield Skip(max(body, 0))
    return found


def _indexes(room: int, shown: int) -> Parser[list[int]]:
    """The places of the properties that the item `shown` has; none where it is not named."""
    head = yield Take(8)
    id_bytes, index_bytes = 4 if head[0] else 2, 2 if head[3] & 1 else 1
    for _ in range(int.from_bytes(head[4:])):
        entry = yield Take(id_bytes + 1)
        places = yield Take(entry[-1] * index_bytes)
        if int.from_bytes(entry[:-1]) == shown:
            # The highest bit says that a property is essential.
            mask = (1 << (8 * index_bytes - 1)) - 1
            return [int.from_bytes(places[n : n + index_bytes]) & mask for n in range(0, len(places), index_bytes)]
    return []


_FORMATS: Final[tuple[tuple[bytes, int, Callable[[], Parser[Answer]]], ...]] = (
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"GIF8", 0, _gif),
    (b"WEBP", 8, _webp),
    (b"ftyp", 4, _avif),
)
