"""What a ZIP file is: many formats are one, and are told apart by the names of its entries.

Programs write the entries in any order (Word and python-docx begin with `[Content_Types].xml`, openpyxl 3.1 and
LibreOffice end with it), so they are read from the central directory, which is at a file's end (APPNOTE.TXT 6.3,
sections 4.3.12, 4.3.16), as far as it lies within TAIL_BYTES of it, and from the first entries themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

TAIL_BYTES: Final = 66 << 10
"""How much of a file's end is kept: a comment of any size, or some hundreds of names."""
ZIP: Final = "application/zip"

_OPENXML: Final = "application/vnd.openxmlformats-officedocument."
_OFFICE: Final = (  # folder, type, what holds macros, type of one with macros
    ("word/", f"{_OPENXML}wordprocessingml.document", "word/vbaProject.bin",
     "application/vnd.ms-word.document.macroEnabled.12"),
    ("xl/", f"{_OPENXML}spreadsheetml.sheet", "xl/vbaProject.bin", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    ("ppt/", f"{_OPENXML}presentationml.presentation", "ppt/vbaProject.bin",
     "application/vnd.ms-powerpoint.presentation.macroEnabled.12"),
)  # fmt: skip
_XLSB: Final = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
_SAID: Final = re.compile(rb"application/(?:epub\+zip|vnd\.oasis\.opendocument\.[a-z][a-z-]{0,60})")
_ENTRY, _DIRECTORY, _END, _END_64, _LOCATOR = (
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
)


class Tail:
    """The last TAIL_BYTES of what it is fed with."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._bytes += chunk[-TAIL_BYTES:]
        if len(self._bytes) > 2 * TAIL_BYTES:
            del self._bytes[:-TAIL_BYTES]

    @property
    def content(self) -> bytes:
        return bytes(self._bytes[-TAIL_BYTES:])


def archive_type(head: bytes, tail: bytes) -> str:
    """The type of a ZIP file that begins with `head` and ends with `tail`; the two may overlap."""
    said = _said(head)
    if said is not None:
        return said
    names = {*_first(head), *_listed(tail)}
    if "[Content_Types].xml" in names:
        if "xl/workbook.bin" in names:
            return _XLSB
        for folder, plain, macros, with_macros in _OFFICE:
            if any(name.startswith(folder) for name in names):
                return with_macros if macros in names else plain
    if "AndroidManifest.xml" in names and names & {"classes.dex", "resources.arsc"}:
        return "application/vnd.android.package-archive"
    if "META-INF/MANIFEST.MF" in names:
        return "application/java-archive"
    return ZIP


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _said(head: bytes) -> str | None:
    """OpenDocument (1.3, part 2, 3.3) and EPUB (OCF 3.3, 4.3) say it themselves, in a first entry that is stored."""
    if head[26:28] != b"\x08\x00" or head[30:38] != b"mimetype" or head[8:10] != b"\0\0":
        return None
    start = 38 + _number(head, 28, 2)
    size = _number(head, 22, 4)
    # 0 from a program that could not go back to write it: then a capital letter or a control follows.
    found = _SAID.fullmatch(head, start, start + size) if size else _SAID.match(head, start)
    return found[0].decode() if found else None


def _first(head: bytes) -> Iterator[str]:
    """The names of the first entries, up to one whose size was not known when it was written."""
    at = 0
    while head[at : at + 4] == _ENTRY and len(head) >= at + 30:
        name = head[at + 30 : at + 30 + _number(head, at + 26, 2)]
        yield name.decode("utf-8", "replace")
        if head[at + 6] & 0x08:
            return
        at += 30 + len(name) + _number(head, at + 28, 2) + _number(head, at + 18, 4)


def _listed(tail: bytes) -> Iterator[str]:
    """The names in the central directory, or in as much of its end as there is."""
    end = tail.rfind(_END)
    while end >= 0 and end + 22 + _number(tail, end + 20, 2) != len(tail):
        end = tail.rfind(_END, 0, end)
    if end < 0:
        return
    size = _number(tail, end + 12, 4)
    if tail[end - 20 : end - 16] == _LOCATOR and end >= 76 and tail[end - 76 : end - 72] == _END_64:
        end -= 76
        size = _number(tail, end + 40, 8)
    at = max(0, end - size)
    if size > end:  # it begins before the tail: from the first whole record that is in it
        at = _resynchronised(tail, end)
    while at + 46 <= end and tail[at : at + 4] == _DIRECTORY:
        length = _number(tail, at + 28, 2)
        yield tail[at + 46 : at + 46 + length].decode("utf-8", "replace")
        at += 46 + length + _number(tail, at + 30, 2) + _number(tail, at + 32, 2)


_LOOKED_FOR: Final = 64


def _resynchronised(tail: bytes, end: int) -> int:
    """Where in `tail` a run of directory records starts that reaches to `end` without a gap; `end` if none does."""
    start = tail.find(_DIRECTORY)
    for _ in range(_LOOKED_FOR):
        if start < 0:
            break
        at = start
        while at + 46 <= end and tail[at : at + 4] == _DIRECTORY:
            at += 46 + _number(tail, at + 28, 2) + _number(tail, at + 30, 2) + _number(tail, at + 32, 2)
        if at == end:
            return start
        start = tail.find(_DIRECTORY, start + 1)
    return end
