"""The formats that we name by ourselves: those that may be shown in place, and those most often sent.

Each is known by more than a few letters where a text could begin with the same. Sources: the WHATWG's MIME Sniffing
standard (6), and each format's own: PNG (RFC 2083), WebP (RFC 9649), Ogg (RFC 3533), Matroska (RFC 9559),
ISO base media (ISO 14496-12, 4.3), MPEG audio (ISO 11172-3, 2.4.1.3), ID3 (v2.4, 3.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.files.core.containers import ASF_HEADER, Holds

_BRANDS: Final = {
    b"avif": "image/avif", b"avis": "image/avif",
    b"heic": "image/heic", b"heix": "image/heic", b"hevc": "image/heic", b"heim": "image/heic", b"mif1": "image/heif",
    b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"F4A ": "audio/mp4",
    b"qt  ": "video/quicktime", b"3gp4": "video/3gpp", b"3gp5": "video/3gpp", b"3gp6": "video/3gpp",
    b"3g2a": "video/3gpp2",
    b"isom": "video/mp4", b"iso2": "video/mp4", b"iso4": "video/mp4", b"iso5": "video/mp4", b"iso6": "video/mp4",
    b"mp41": "video/mp4", b"mp42": "video/mp4", b"avc1": "video/mp4", b"dash": "video/mp4", b"MSNV": "video/mp4",
    b"M4V ": "video/mp4", b"mmp4": "video/mp4",
}  # fmt: skip
# Containers by the type that they have with film in them: what they are without.
_SOUND_ALONE: Final = {
    "video/mp4": "audio/mp4", "video/3gpp": "audio/3gpp", "video/3gpp2": "audio/3gpp2", "video/webm": "audio/webm",
    "video/x-matroska": "audio/x-matroska", "video/x-ms-wmv": "audio/x-ms-wma",
}  # fmt: skip
_OGG_FILM: Final = (b"\x80theora", b"\x80daala", b"\x01video\0\0\0", b"OVP80", b"BBCD\0")
_OGG_SOUND: Final = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"fLaC", b"Speex   ", b"PCM     ", b"CELT    ")
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_DIB_BYTES: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
_KBIT_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBIT_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def media_type(head: bytes, holds: Holds | None = None) -> str | None:
    """The type of a file that begins with `head` (4 KiB of it, or all), if it is one of the formats here. `holds`:
    what is in it, if it is a container and that is known."""
    for look in _LOOKS:
        found = look(head)
        if found is not None:
            return _by_tracks(found, holds) if found in _SOUND_ALONE else found
    return None


def _by_tracks(mime: str, holds: Holds | None) -> str:
    if holds is not None and holds.sound and not holds.film:
        return _SOUND_ALONE[mime]
    return mime


def _signature(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")) and len(head) >= 13:
        return "image/gif"
    if head.startswith(b"fLaC") and len(head) > 4 and head[4] & 0x7F == 0:
        return "audio/flac"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "application/zip"
    if head.startswith(b"\x1f\x8b\x08"):
        return "application/gzip"
    return None


def _bmp(head: bytes) -> str | None:
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _DIB_BYTES:
        return "image/bmp"
    return None


def _riff(head: bytes) -> str | None:
    return _RIFF.get(head[8:12]) if head[:4] == b"RIFF" else None


def _iso_media(head: bytes) -> str | None:
    """The first box of the file is `ftyp`: its major brand decides, and where it is general, the compatible ones."""
    size = int.from_bytes(head[:4])
    if head[4:8] != b"ftyp" or size < 16 or size % 4:
        return None
    if head[8:12] in (b"mif1", b"msf1") and b"avif" in head[16:size]:
        return "image/avif"
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))]
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    if b"\x42\x82\x84webm" in head[:64]:
        return "video/webm"
    return "video/x-matroska" if b"\x42\x82\x88matroska" in head[:64] else None


def _ogg(head: bytes) -> str | None:
    """All streams begin, one page each, before any goes on; their codecs' marks come first in those pages."""
    if not head.startswith(b"OggS\x00"):
        return None
    at, marks = 0, []
    while head[at : at + 4] == b"OggS" and len(head) > at + 27 and head[at + 5] & 0x02:
        body = at + 27 + head[at + 26]
        marks.append(head[body : body + 16])
        at = body + sum(head[at + 27 : body])
    if any(mark.startswith(_OGG_FILM) for mark in marks):
        return "video/ogg"
    return "audio/ogg" if any(mark.startswith(_OGG_SOUND) for mark in marks) else "application/ogg"


def _asf(head: bytes) -> str | None:
    return "video/x-ms-wmv" if head.startswith(ASF_HEADER) else None


def _mpeg_audio(head: bytes) -> str | None:
    # Neither the version nor any byte of the size of an ID3 tag can be a letter.
    if head[:3] == b"ID3" and len(head) >= 10 and head[3] < 0x10 and all(byte < 0x80 for byte in head[6:10]):
        return "audio/mpeg"
    if head[:1] == b"\xff" and len(head) >= 8 and head[1] & 0xF6 == 0xF0:
        return "audio/aac" if _adts_repeats(head) else None
    length = _layer_3_bytes(head)
    # Eleven set bits are little proof, so the next frame must stand where this one ends.
    return "audio/mpeg" if length and (length + 4 > len(head) or _layer_3_bytes(head[length:])) else None


def _adts_repeats(head: bytes) -> bool:
    length = (head[3] & 0x03) << 11 | head[4] << 3 | head[5] >> 5
    following = head[length : length + 2]
    return length >= 7 and (len(following) < 2 or (following[0] == 0xFF and following[1] & 0xF6 == 0xF0))


def _layer_3_bytes(head: bytes) -> int:
    """The length of the layer III frame with which `head` begins; 0 if there is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, bit_rate, frequency = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _HERTZ or bit_rate in (0, 15) or frequency == 3:
        return 0
    kbit, samples = (_KBIT_1, 144_000) if version == 3 else (_KBIT_2, 72_000)
    return samples * kbit[bit_rate] // _HERTZ[version][frequency] + (head[2] >> 1 & 1)


_LOOKS: Final[tuple[Callable[[bytes], str | None], ...]] = (
    _signature, _bmp, _riff, _iso_media, _matroska, _ogg, _asf, _mpeg_audio,
)  # fmt: skip
