"""What a file is, from its bytes alone. The sender's word is compared with it, never taken for it.

Three answers, in this order: a format of our own table (media.py; for what is in a container containers.py, for what a
ZIP file is archives.py), text where every byte of it is UTF-8, and what puremagic names; else
`application/octet-stream`. Markup (HTML, SVG, XML) is text like any other: it is never called by a name under which a
browser would run it.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import Final

from puremagic import PureError, magic_string

from services.files.core.archives import ZIP, Tail, archive_type
from services.files.core.containers import START_BYTES, Holds, walk_of
from services.files.core.media import media_type
from services.files.core.pictures import Dimensions, picture_walk
from services.files.core.walk import Walk

HEAD_BYTES: Final = 4096
"""How much of a file's beginning is looked at."""
TEXT: Final = "text/plain"
UNKNOWN: Final = "application/octet-stream"

INLINE: Final = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
        "video/mp4", "video/webm", "video/ogg",
        "audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "audio/aac", "audio/mp4", "audio/webm",
    }
)  # fmt: skip
"""What a browser may show in place: pictures made of pixels, sound, film. Nothing that can hold a script."""

MEASURED: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"})
"""The pictures whose width and height are told."""
MEDIA: Final = frozenset({"image", "audio", "video"})
_CONFIDENT: Final = 0.4  # puremagic: four bytes that match, or more
_EXECUTED: Final = ("xml", "html", "script")
_DECODER: Final = getincrementaldecoder("utf-8")
# C0 controls that no text has (the WHATWG's MIME Sniffing standard, 3, "binary data byte").
_BINARY: Final = bytes(set(range(0x20)) - {0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x1B})
_WITHOUT_BINARY: Final = bytes.maketrans(_BINARY, b"\x00" * len(_BINARY))


class Sniffer:
    """Fed with a file's bytes in order; `mime` and `dimensions` are right once all have been."""

    def __init__(self) -> None:
        self._head = b""
        self._walk: Walk[Holds] | None = None
        self._picture: Walk[Dimensions | None] | None = None
        self._tail: Tail | None = None
        self._decoder = _DECODER("strict")
        self._text = True

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""
        early = self._head
        if len(early) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(early)]
        news = chunk
        if len(early) < START_BYTES <= len(self._head):
            news = early + chunk
            self._walk, self._picture = walk_of(self._head), picture_walk(self._head)
            self._tail = Tail() if self._head.startswith(b"PK") else None
        if self._walk is not None:
            self._walk.feed(news)
        if self._picture is not None:
            self._picture.feed(news)
        if self._tail is not None:
            self._tail.feed(news)
        if self._text:
            self._text = self._is_text(chunk)

    @property
    def mime(self) -> str:
        """The type of what has been fed. An empty file is text."""
        found = media_type(self._head, self._walk.found if self._walk else None)
        if found == ZIP:
            return archive_type(self._head, self._tail.content if self._tail else b"")
        if found is not None:
            return found
        if self._text and self._ends_whole():
            return TEXT
        return _by_puremagic(self._head)

    @property
    def dimensions(self) -> Dimensions | None:
        """Of a picture, if it says them; else None."""
        return self._picture.found if self._picture is not None and self.mime in MEASURED else None

    @property
    def is_svg(self) -> bool:
        """Whether it is text that begins as SVG does."""
        if self.mime != TEXT:
            return False
        start = self._head.decode("utf-8", "ignore").removeprefix("\ufeff").lstrip().lower()
        return start.startswith("<svg") or (start.startswith(("<?xml", "<!doctype svg", "<!--")) and "<svg" in start)

    def _is_text(self, chunk: bytes) -> bool:
        if 0 in chunk.translate(_WITHOUT_BINARY):
            return False
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError:
            return False
        return True

    def _ends_whole(self) -> bool:
        return not self._decoder.getstate()[0]


def agrees(declared: str, sniffer: Sniffer) -> bool:
    """Whether what a sender declares (`image/png`, "" where nothing) is no lie about what the bytes are.

    Where either says picture, sound or film, both must, and the same; PNG for JPEG is a mistake and no lie.
    Containers (Ogg, MP4, WebM) hold both sound and film, so those two pass for one another. Declaring nothing, or
    `application/octet-stream`, is fine. SVG is a picture to its sender and text to us.
    """
    declared = declared.lower()
    major = declared.partition("/")[0]
    found = sniffer.mime.partition("/")[0]
    if declared in ("", UNKNOWN):
        return True
    if declared.startswith("image/svg"):
        return sniffer.is_svg
    if major in MEDIA or found in MEDIA:
        return major == found or {major, found} == {"audio", "video"}
    if found == "text":
        return declared not in ("application/pdf", "application/zip", "application/gzip")
    return major != "text"


def _by_puremagic(head: bytes) -> str:
    if not head:
        return TEXT
    try:
        best = max(magic_string(head), key=lambda match: bool(match.mime_type) * match.confidence)
    except (PureError, ValueError):
        return UNKNOWN
    mime = str(best.mime_type).lower()
    major = mime.partition("/")[0]
    if best.confidence < _CONFIDENT or major not in MEDIA | {"application", "font"}:
        return UNKNOWN
    # What may be shown in place is decided by our own table alone; and nothing that runs is called by its name.
    if mime in INLINE or any(word in mime for word in _EXECUTED):
        return UNKNOWN
    return mime if mime.isascii() and all(c.isalnum() or c in "/+-._" for c in mime) else UNKNOWN
