"""What may be a room, a user's name, a message's id, a text, a file's name. docs/protocol.md, "WebSocket".

There are two kinds. An *identity* (a room, a user's name, an id) is one thing to everybody, so it is refused where it
could be taken for another, and it is never changed: a frame that was checked can be passed on as it came. A *label* (a
file's name) is only shown, so it is never refused for its characters: what could deceive is taken out of it.

Lengths count Unicode characters (code points). What a character is, characters.py says, alike on every Python.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Final
from zlib import crc32

from pydantic import AfterValidator, Field, StringConstraints

from shared.protocol.characters import (
    CONTROL,
    DIRECTION,
    HIDDEN,
    LINE_BREAK,
    PRIVATE,
    SPACE,
    SURROGATE,
    is_composed,
    lowered,
    normal,
    shows,
)

ROOM_CHARS: Final = 64
NAME_CHARS: Final = 32
ID_CHARS: Final = 64
REF_CHARS: Final = 64
FILE_NAME_CHARS: Final = 255
TITLE_CHARS: Final = 80
TOPIC_CHARS: Final = 500
TEXT_CHARS: Final = 8_000
FRAME_BYTES: Final = 1 << 20
CHECKED_NAMES: Final = 4_096
"""Names that are remembered as checked: every frame names a room, and mostly the same ones."""

FILE_NAME: Final = "file"
"""What a file is called whose own name shows nothing."""
EXTENSION_CHARS: Final = 32
_LABEL_LOOKED_AT: Final = 1_024
"""Characters of a sent label that are looked at: half from its beginning, half from its end."""

# Written in a user's name only where they change what is seen. Elsewhere two names that differ would look the same.
# Emoji, those to come as well (Extended_Pictographic reserves their places).
_SYMBOL: Final = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff\U0001fc00-\U0001fffd"
_IDEOGRAPH: Final = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_ARABIC: Final = "\u0620-\u064a\u066e-\u06d3\u06d5\u06ee\u06ef\u06fa-\u06ff\u0750-\u077f\u08a0-\u08c9"
_VIRAMA: Final = (  # Canonical_Combining_Class 9, of Unicode 18.0
    "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e3a\u0eba\u0f84\u1039\u103a\u1714\u1715"
    "\u1734\u17d2\u1a60\u1b44\u1baa\u1bab\u1bf2\u1bf3\u2d7f\ua806\ua82c\ua8c4\ua953\ua9c0\uaaf6\uabed\U00010a3f\U00011046"
    "\U00011070\U0001107f\U000110b9\U00011133\U00011134\U000111c0\U00011235\U000112ea\U0001134d\U000113ce-\U000113d0"
    "\U00011442\U000114c2\U000115bf\U0001163f\U000116b6\U0001172b\U00011839\U0001193d\U0001193e\U000119e0\U00011a34"
    "\U00011a47\U00011a99\U00011c3f\U00011d44\U00011d45\U00011d97\U00011f41\U00011f42\U0001612f"
)
_IN_PLACE: Final = re.compile(
    f"(?<=[{_SYMBOL}\xa9\xae\u203c\u2049\u2122\u2139\u24c2])[\ufe0e\ufe0f]"  # as a picture or as a sign (UTS #51)
    "|(?<=[#*0-9])\ufe0f(?=\u20e3)"  # keycaps
    f"|(?<=[{_SYMBOL}\ufe0f])\u200d(?=[{_SYMBOL}])"  # families, professions
    "|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"  # flags of regions
    f"|(?<=[{_VIRAMA}])[\u200c\u200d]|(?<=\u09b0)\u200d(?=\u09cd)"  # conjuncts, half forms (RFC 5892, A.1, A.2)
    f"|(?<=[{_ARABIC}])\u200c(?=[{_ARABIC}])"  # نام‌ها
    f"|(?<=[{_IDEOGRAPH}])[\ufe00-\ufe02\U000e0100-\U000e01ef]"  # variants of ideographs, as 葛󠄀 (UTS #37)
)
_SPACES: Final = re.compile(f"[{SPACE}]")
_HIDDEN: Final = re.compile(f"[{HIDDEN}{PRIVATE}]")
_DROPPED: Final = re.compile(f"[{CONTROL}{DIRECTION}]")
_BREAKS: Final = re.compile(f"[{LINE_BREAK}]+")
_SURROGATES: Final = re.compile(f"[{SURROGATE}]")
_EDGES: Final = "".join(chr(code) for code in range(0x3001) if _SPACES.fullmatch(chr(code)))


@lru_cache(maxsize=CHECKED_NAMES)
def composed(value: str) -> str:
    """`value`, if it is in NFC."""
    if not is_composed(value):
        raise ValueError("must be in Unicode's composed form (NFC)")
    return value


def visible(value: str) -> str:
    """`value`, if each of its characters can be seen, it does not start or end with a space, and it is in NFC."""
    if value.strip(_EDGES) != value:
        raise ValueError("must not start or end with a space")
    if _HIDDEN.search(value) and _HIDDEN.search(_IN_PLACE.sub("", value)):
        raise ValueError("must not contain invisible characters, line breaks or direction marks")
    return composed(value)


def file_name(sent: str) -> str:
    """The name under which a file that was sent as `sent` is shown; of a name that this gave, the same.

    Direction controls and other controls are taken out, so that nobody is shown another ending than the file has;
    what breaks a line becomes a space, and a slash a `_`, for it is a name and no path. It is in NFC, at most
    FILE_NAME_CHARS long, with its extension, and `FILE_NAME` where nothing of it shows.
    """
    half = _LABEL_LOOKED_AT // 2
    name = sent if len(sent) <= _LABEL_LOOKED_AT else sent[:half] + sent[-half:]
    name = _shown(name).replace("/", "_")
    if len(name) > FILE_NAME_CHARS:
        stem, dot, extension = name.rpartition(".")
        ending = dot + extension if stem and len(extension) <= EXTENSION_CHARS else ""
        name = (name[: FILE_NAME_CHARS - len(ending)] + ending).strip(_EDGES)
    return name if shows(name) and name not in (".", "..") else FILE_NAME


def title(sent: str) -> str:
    """What a room is called for people, of what was sent: in one line, without what could deceive."""
    shown = _shown(sent[:_LABEL_LOOKED_AT])[:TITLE_CHARS].strip(_EDGES)
    if not shows(shown):
        raise ValueError("it shows nothing")
    return shown


def topic(sent: str) -> str:
    """What a room is about, likewise; empty where that shows nothing."""
    shown = _shown(sent[:_LABEL_LOOKED_AT])[:TOPIC_CHARS].strip(_EDGES)
    return shown if shows(shown) else ""


def _shown(label: str) -> str:
    """In one line, in NFC, without controls and direction marks."""
    label = _DROPPED.sub("", _BREAKS.sub(" ", label))
    return normal("NFC", _SURROGATES.sub("\ufffd", label)).strip(_EDGES)


def said(value: str) -> str:
    """`value`, if something of it can be seen, and it has no NUL, which PostgreSQL's `text` cannot hold."""
    if "\x00" in value:
        raise ValueError("must not contain the character U+0000")
    if not shows(value):
        raise ValueError("it shows nothing")
    return value


Room = Annotated[
    str,
    StringConstraints(pattern=r"^(?:~[\p{L}\p{M}\p{Nd}\-_.]{1,63}|[\p{L}\p{M}\p{Nd}\-_.]{1,64})$"),
    AfterValidator(composed),
]
"""What a client may name. Names that begin with `~` are made by the server alone (room_names.py)."""
UserName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS), AfterValidator(visible)]
UserId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
MessageId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7d][\x21-\x7e]{0,63}$")]
"""Of a client. Those that begin with `~` are the server's own."""
Ref = Annotated[str, StringConstraints(max_length=REF_CHARS)]
FileName = Annotated[str, AfterValidator(file_name)]
Title = Annotated[str, AfterValidator(title)]
Topic = Annotated[str, AfterValidator(topic)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=FRAME_BYTES), AfterValidator(said)]
Seq = Annotated[int, Field(ge=0, le=2**53 - 1)]  # what a JavaScript number holds exactly

# One emoji (UTS #51, 1.4.9, without what is none to a reader: bare digits, lone modifiers and tags): two letters of a
# flag, a keycap, or pictures that are joined to one, each with its skin or its region. Extended_Pictographic reserves
# the places of emoji to come. Both a Rust and a JavaScript expression.
_PICTURE: Final = (
    r"\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|[\u{fe0e}\u{fe0f}])?(?:[\u{e0030}-\u{e007a}]{3,6}\u{e007f})?"
)
EMOJI: Final = (
    rf"^(?:\p{{Regional_Indicator}}{{2}}|[0-9#*]\u{{fe0f}}?\u{{20e3}}|{_PICTURE}(?:\u{{200d}}{_PICTURE}){{0,9}})$"
)
_PRESENTATION: Final = re.compile("[\ufe0e\ufe0f]")


def plain_emoji(emoji: str) -> str:
    """`emoji` without the selectors that say "as a picture": keyboards leave them out and lists of emoji have them, and
    people see one."""
    return _PRESENTATION.sub("", emoji)


Emoji = Annotated[str, StringConstraints(pattern=EMOJI), AfterValidator(plain_emoji)]


def coined(room: str) -> str:
    """The name under which a room comes into being when somebody asks for `room` and there is none: in small letters,
    NFC. So `General` and `general` are never two by accident. What exists is named as it is.

    It is Unicode's lowercase mapping and no case folding: the name is shown to people, who write straße and μας. The
    dot that İ leaves on an i is taken off, full-width letters are the plain ones, and what shows nothing is left out;
    empty where that is all. JavaScript's `toLowerCase` does the same (tests/cases/room_names.json); a letter that only
    one of the two knows yet stays as it is.
    """
    plain = normal("NFC", room.translate(_PLAIN))
    return normal("NFC", _DOTS.sub("i", lowered(plain)))


_DOTS: Final = re.compile("i\u0307+")
_FULL_WIDTH: Final = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
# The letters and marks among Unicode's Default_Ignorable_Code_Point: fillers, inherent vowels, variation selectors.
_SELECTORS: Final = [0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]
_UNSEEN: Final = [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *_SELECTORS]
_PLAIN: Final[dict[int, int | None]] = {**_FULL_WIDTH, **dict.fromkeys(_UNSEEN)}


def shard_of(room: str, shards: int) -> int:
    """The shard of `room`: crc32 of its UTF-8 bytes, modulo `shards`. Fixed for the life of a deployment."""
    return crc32(room.encode()) % shards


def is_older(address: str, than: str) -> bool:
    """Whether `address` names an earlier life of the mailbox `than`: an address ends in the number of its life."""
    front, _, life = address.rpartition(".")
    its_front, _, its_life = than.rpartition(".")
    return front == its_front and life.isdecimal() and its_life.isdecimal() and int(life) < int(its_life)
