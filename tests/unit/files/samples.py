"""The beginnings of files of every kind, as programs write them."""

from __future__ import annotations

import struct
import zlib
from typing import Final


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG: Final = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\x12\x34\x56"))
    + _chunk(b"IEND", b"")
)
JPEG: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
GIF: Final = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
WEBP: Final = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
BMP: Final = (
    b"BM"
    + struct.pack("<IHHI", 58, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
    + bytes(4)
)
AVIF: Final = b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf" + b"\x00\x00\x00\x08meta"
MP4: Final = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41\x00\x00\x00\x08free"
M4A: Final = b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42\x00\x00\x00\x08free"
WEBM: Final = (
    b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08" + b"\x42\x82\x84webm"
)
OGG: Final = (
    b"OggS\x00\x02"
    + bytes(8)
    + b"\x01\x02\x03\x04"
    + bytes(8)
    + b"\x01\x13OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
)
WAV: Final = (
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
    + b"\x01\x00\x01\x00\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00data"
    + bytes(4)
)
MP3: Final = (b"\xff\xfb\x90\x64" + bytes(413)) * 3  # 128 kbit/s at 44.1 kHz: 417 bytes a frame
MP3_TAGGED: Final = b"ID3\x04\x00\x00\x00\x00\x02\x01" + bytes(300)
FLAC: Final = b"fLaC\x00\x00\x00\x22" + bytes(34)
PDF: Final = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
ZIP: Final = b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(20)
EXE: Final = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff" + bytes(50)
HEIC: Final = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
HTML: Final = b"<!doctype html><script>alert(1)</script>"
SVG: Final = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
TEXT: Final = "Гомін: багато голосів.\n".encode()

TYPES: Final = {
    "image/png": PNG, "image/jpeg": JPEG, "image/gif": GIF, "image/webp": WEBP, "image/bmp": BMP, "image/avif": AVIF,
    "image/heic": HEIC, "video/mp4": MP4, "audio/mp4": M4A, "video/webm": WEBM, "audio/ogg": OGG, "audio/wav": WAV,
    "audio/mpeg": MP3, "audio/flac": FLAC, "application/pdf": PDF, "application/zip": ZIP, "text/plain": TEXT,
}  # fmt: skip
