"""What a container of sound or film holds, read while its bytes stream by.

Where it says whether there is film in a file is up to its program: MP4's tracks may stand behind all the sound, those
of Matroska and ASF behind titles and covers of any size. So each format is a parser, and the file is walked through
(walk.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from services.files.core.walk import Parser, Skip, Take, Walk

STEPS: Final = 20_000
"""Boxes, objects and elements that are looked at, about: what is behind more decides nothing."""
START_BYTES: Final = 16
"""So many bytes tell which format it is."""


class Holds(NamedTuple):
    """Whether there is a track of each kind."""

    sound: bool
    film: bool


def walk_of(start: bytes) -> Walk[Holds] | None:
    """The walk for a file that begins with `start` (START_BYTES, or all of it); None where it is none of these."""
    for magic, at, parser in _FORMATS:
        if start[at : at + len(magic)] == magic:
            return Walk(parser(), STEPS)
    return None


_TRACK_PATH: Final = (b"moov", b"trak", b"mdia")


def _iso_media() -> Parser[Holds]:
    """ISO base media (ISO 14496-12): boxes of a length and a name; the handler (8.4.3) says what a track is."""
    handlers = yield from _handlers(1 << 63, 0)
    return Holds(b"soun" in handlers, b"vide" in handlers)


def _handlers(room: int, depth: int) -> Generator[Take | Skip, bytes, set[bytes]]:
    """The handlers of all tracks in the `room` bytes of a box that lies at `depth` of the path to them."""
    found: set[bytes] = set()
    while room >= 8:
        head = yield Take(8)
        body = int.from_bytes(head[:4]) - 8
        room -= 8
        if body == -7:  # a length of 1: the true one follows
            body = int.from_bytes((yield Take(8))) - 16
            room -= 8
        elif body == -8:  # of 0: up to the end
            body = room
        if not 0 <= body <= room:
            return found
        room -= body
        if depth < len(_TRACK_PATH) and head[4:] == _TRACK_PATH[depth]:
            found |= yield from _handlers(body, depth + 1)
            if depth == 0:
                return found
        elif depth == len(_TRACK_PATH) and head[4:] == b"hdlr" and body >= 12:
            found.add((yield Take(12))[8:])
            yield Skip(body - 12)
        else:
            yield Skip(body)
    yield Skip(room)
    return found


ASF_HEADER: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_STREAM: Final = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_ASF_SOUND: Final = bytes.fromhex("409e69f84d5bcf11a8fd00805f5c442b")
_ASF_FILM: Final = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")


def _asf() -> Parser[Holds]:
    """ASF (Advanced Systems Format 1.2, sections 3.1, 3.3): objects of a GUID and a length, streams by their GUIDs."""
    kinds: set[bytes] = set()
    room = int.from_bytes((yield Take(30))[16:24], "little") - 30
    while room >= 24:
        head = yield Take(24)
        body = int.from_bytes(head[16:], "little") - 24
        room -= 24 + body
        if body < 0 or room < 0:
            break
        if head[:16] == _ASF_STREAM and body >= 16:
            kinds.add((yield Take(16)))
            body -= 16
        yield Skip(body)
    return Holds(_ASF_SOUND in kinds, _ASF_FILM in kinds)


_SEGMENT, _CLUSTER, _TRACKS, _ENTRY, _TYPE = 0x18538067, 0x1F43B675, 0x1654AE6B, 0xAE, 0x83
_FILM_TRACK, _SOUND_TRACK = 1, 2


def _matroska() -> Parser[Holds]:
    """Matroska and WebM (RFC 9559; EBML, RFC 8794): elements of a name and a length, both of variable size."""
    types: set[int] = set()
    while True:
        name, body = yield from _element()
        if name in (_SEGMENT, _TRACKS, _ENTRY):
            continue  # what is in it comes next
        if body is None or (name == _CLUSTER and types):
            return Holds(_SOUND_TRACK in types, _FILM_TRACK in types)
        if name == _TYPE and body == 1:
            types.add((yield Take(1))[0])
        else:
            yield Skip(body)


def _element() -> Generator[Take | Skip, bytes, tuple[int, int | None]]:
    """Its name, and the bytes of its body: None where that is unknown (RFC 8794, 6.2), or cannot be read."""
    first = (yield Take(1))[0]
    length = 9 - first.bit_length()
    if length > 4:
        return 0, None
    name = int.from_bytes(bytes([first]) + (yield Take(length - 1)))
    first = (yield Take(1))[0]
    length = 9 - first.bit_length()
    if length > 8:
        return name, None
    bits = 7 * length
    body = int.from_bytes(bytes([first]) + (yield Take(length - 1))) & ((1 << bits) - 1)
    return name, None if body == (1 << bits) - 1 else body


_FORMATS: Final[tuple[tuple[bytes, int, Callable[[], Parser[Holds]]], ...]] = (
    (b"ftyp", 4, _iso_media),
    (ASF_HEADER, 0, _asf),
    (b"\x1a\x45\xdf\xa3", 0, _matroska),
)
