"""What may be a room, a user's name, a message's id, a text, a file's name. PROTOCOL.md, "WebSocket".

Lengths count Unicode characters (code points). Whatever is not in Unicode's composed form (NFC, UAX #15) is refused
rather than changed: a frame that was checked can then be passed on as it came.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Final
from zlib import crc32

from pydantic import AfterValidator, Field, StringConstraints

ROOM_CHARS: Final = 64
NAME_CHARS: Final = 32
ID_CHARS: Final = 64
REF_CHARS: Final = 64
FILE_NAME_CHARS: Final = 255
TEXT_CHARS: Final = 8_000
FRAME_BYTES: Final = 1 << 20

# Bidirectional controls (UAX #9) and joiners that make two different names look the same. Their category is Cf, as is
# all that `visible` refuses; emoji sequences join with U+200D, which a name can do without.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that show nothing: fillers, inherent vowels, joiners and selectors of scripts
# (Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties, but for the variation selectors that emoji need),
# and the empty Braille cell.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


def composed(value: str) -> str:
    """`value`, if it is in NFC."""
    if not value.isascii() and not unicodedata.is_normalized("NFC", value):
        raise ValueError("must be in Unicode's composed form (NFC)")
    return value


def visible(value: str) -> str:
    """`value`, if each of its characters can be seen, it does not start or end with a space, and it is in NFC."""
    if value != value.strip():
        raise ValueError("must not start or end with a space")
    for char in value:
        if char in _BLANK or unicodedata.category(char) in _INVISIBLE:
            raise ValueError("must not contain invisible characters, line breaks or direction marks")
    return composed(value)


def file_name(value: str) -> str:
    """`value`, if it can be shown as a file's name: no path, no line breaks. It is never used as a path."""
    if "/" in value or "\\" in value or value in (".", ".."):
        raise ValueError("must be a name, not a path")
    return visible(value)


def storable(value: str) -> str:
    """`value`, if it has no NUL, which PostgreSQL's `text` cannot hold."""
    if "\x00" in value:
        raise ValueError("must not contain the character U+0000")
    return value


Room = Annotated[str, StringConstraints(pattern=r"^[\p{L}\p{M}\p{Nd}\-_.]{1,64}$"), AfterValidator(composed)]
UserName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS), AfterValidator(visible)]
UserId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
MessageId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")]
Ref = Annotated[str, StringConstraints(max_length=REF_CHARS)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=FILE_NAME_CHARS), AfterValidator(file_name)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=FRAME_BYTES), AfterValidator(storable)]
Seq = Annotated[int, Field(ge=0, le=2**53 - 1)]  # what a JavaScript number holds exactly


def shard_of(room: str, shards: int) -> int:
    """The shard of `room`: crc32 of its UTF-8 bytes, modulo `shards`. Fixed for the life of a deployment."""
    return crc32(room.encode()) % shards


def is_older(address: str, than: str) -> bool:
    """Whether `address` names an earlier life of the mailbox `than`: an address ends in the number of its life."""
    front, _, life = address.rpartition(".")
    its_front, _, its_life = than.rpartition(".")
    return front == its_front and life.isdecimal() and its_life.isdecimal() and int(life) < int(its_life)
