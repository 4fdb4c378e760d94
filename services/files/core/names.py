"""Under which name the bytes of a file lie, and at which address. It owes nothing to the name that people see."""

from __future__ import annotations

import re
from typing import Final

_FILE_ID: Final = re.compile(r"[0-9a-f]{32}")


def is_file_id(text: str) -> bool:
    """Whether `text` can be the id of a file: 128 bits in lower-case hexadecimal."""
    return _FILE_ID.fullmatch(text) is not None


def object_key(file_id: str) -> str:
    """Where the bytes of a file lie; two letters' worth of folders keep each small."""
    return f"{file_id[:2]}/{file_id}"


def file_url(file_id: str) -> str:
    return f"/api/files/{file_id}"
