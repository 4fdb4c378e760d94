"""Names: the one that people see, and the one under which the bytes lie. The second owes nothing to the first."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pydantic import TypeAdapter, ValidationError

from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import FILE_NAME_CHARS, FileName

_FILE_NAME: Final[TypeAdapter[str]] = TypeAdapter(FileName)
_FILE_ID: Final = re.compile(r"[0-9a-f]{32}")
# Characters of a header's parameter that need no escape (RFC 8187, section 3.2.1, attr-char).
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~")


def display_name(sent: str) -> str:
    """The name as it is shown, from an upload's form: in NFC, for some systems write their names apart (NFD).

    Raises Refused (`invalid_frame`) for a path, control characters, direction marks, and where it is empty or too long.
    """
    try:
        return _FILE_NAME.validate_python(unicodedata.normalize("NFC", sent))
    except ValidationError as why:
        reason = why.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        text = f"The file's name cannot be used: it {reason}." if reason.startswith("must") else (
            f"The file's name must have 1 to {FILE_NAME_CHARS} characters."
        )  # fmt: skip
        raise Refused(ErrorCode.INVALID_FRAME, text) from None


def is_file_id(text: str) -> bool:
    """Whether `text` can be the id of a file: 128 bits in lower-case hexadecimal."""
    return _FILE_ID.fullmatch(text) is not None


def object_key(file_id: str) -> str:
    """Where the bytes of a file lie; two letters' worth of folders keep each small."""
    return f"{file_id[:2]}/{file_id}"


def file_url(file_id: str) -> str:
    return f"/api/files/{file_id}"


def content_disposition(name: str, inline: bool) -> str:
    """The header's value (RFC 6266): a plain name for old clients, and the true one in UTF-8 (RFC 8187)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    value = f'{"inline" if inline else "attachment"}; filename="{plain}"'
    if plain == name:
        return value
    exact = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in name.encode())
    return f"{value}; filename*=UTF-8''{exact}"
