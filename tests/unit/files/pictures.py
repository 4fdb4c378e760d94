"""Pictures of every kind, as programs write them: 60 pixels wide and 40 high, as they lie in the file."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, Final

from PIL import Image

SIZE: Final = (60, 40)
ORIENTATION: Final = 0x0112


def written(
    format: str,
    *,
    size: tuple[int, int] = SIZE,
    mode: str = "RGB",
    frames: int = 1,
    orientation: int | None = None,
    **how: Any,
) -> bytes:
    """By Pillow. `orientation`: of Exif (for AVIF Pillow makes properties of it). `how`: what Pillow calls it."""
    noise = Image.effect_noise(size, 80)
    picture, *others = (noise.rotate(10 * n).convert(mode) for n in range(frames))
    if orientation is not None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        how["exif"] = exif.tobytes()
    if others:
        how |= {"save_all": True, "append_images": others}
    file = io.BytesIO()
    picture.save(file, format, **how)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, interlaced: bool = False, before: bytes = b"") -> bytes:
    """Grey, 8 bits a pixel. `before`: chunks before the pixels, of which there are none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def segment(marker: int, data: bytes = b"") -> bytes:
    """Of a JPEG file."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def exif(order: str, orientation: int, *, kind: int = 3, before: int = 0) -> bytes:
    """Exif data with `before` other entries. `order`: "<" or ">"."""
    entries = [struct.pack(f"{order}HHIHH", 0x0100, 3, 1, 6, 0)] * before
    entries.append(struct.pack(f"{order}HHIHH", ORIENTATION, kind, 1, orientation, 0))
    start = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, 8)
    return start + struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)


def jpeg(*segments: bytes, width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    """With these before its frame header; without pixels."""
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    return b"\xff\xd8" + b"".join(segments) + frame + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\xff\xd9"


def box(name: bytes, body: bytes = b"") -> bytes:
    """Of an AVIF file."""
    return struct.pack(">I", 8 + len(body)) + name + body


def avif(*properties: bytes, wide: bool = False, item: int = 1, before: bytes = b"", others: int = 0) -> bytes:
    """All `properties` are those of the item 1; `item` is shown. `wide`: in the longer of the forms that there are.
    `before`: boxes before those that count. `others`: properties of nobody."""
    places = range(1, len(properties) + 1)
    indexes = b"".join(struct.pack(">H", 0x8000 | at) for at in places) if wide else bytes(places)
    head = b"\x01\0\0\x01" if wide else bytes(4)
    id = struct.pack(">I" if wide else ">H", 1)
    ipma = box(b"ipma", head + struct.pack(">I", 1) + id + bytes([len(places)]) + indexes)
    pitm = box(b"pitm", (b"\x01\0\0\0" if wide else bytes(4)) + struct.pack(">I" if wide else ">H", item))
    iprp = box(b"iprp", box(b"ipco", b"".join(properties) + box(b"colr") * others) + ipma)
    meta = box(b"meta", bytes(4) + box(b"hdlr", bytes(24)) + pitm + iprp)
    return box(b"ftyp", b"avif\0\0\0\0avifmif1miaf") + before + meta


def ispe(width: int = SIZE[0], height: int = SIZE[1]) -> bytes:
    return box(b"ispe", struct.pack(">III", 0, width, height))


def gif(screen: tuple[int, int], first: tuple[int, int, int, int], *, comments: int = 1) -> bytes:
    """`first`: where the first picture lies on the screen, and its size. No colours and no pixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0, 0, 0)
    return head + b"!\xfe\x05hello\0" * comments + b"," + struct.pack("<HHHHB", *first, 0) + b"\x02\0;"


KINDS: Final = {
    "PNG": lambda: written("PNG"),
    "PNG, interlaced": lambda: png(*SIZE, interlaced=True),
    "PNG, 16 bits": lambda: written("PNG", mode="I;16"),
    "PNG, palette": lambda: written("PNG", mode="P"),
    "PNG, animated": lambda: written("PNG", frames=3),
    "JPEG": lambda: written("JPEG"),
    "JPEG, grey": lambda: written("JPEG", mode="L"),
    "JPEG, CMYK": lambda: written("JPEG", mode="CMYK"),
    "JPEG, progressive": lambda: written("JPEG", progressive=True),
    "JPEG, several": lambda: written("MPO", frames=2),
    "GIF": lambda: written("GIF", mode="P"),
    "GIF, animated": lambda: written("GIF", mode="P", frames=3),
    "WebP, VP8": lambda: written("WEBP"),
    "WebP, VP8L": lambda: written("WEBP", lossless=True),
    "WebP, VP8X": lambda: written("WEBP", mode="RGBA", orientation=1),
    "WebP, animated": lambda: written("WEBP", frames=3),
    "AVIF": lambda: written("AVIF"),
    "AVIF, transparent": lambda: written("AVIF", mode="RGBA"),
    "AVIF, animated": lambda: written("AVIF", frames=3),
}
"""All 60 pixels wide and 40 high as shown."""
