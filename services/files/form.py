"""An upload's form (RFC 7578) as it streams in: fields are kept, the file's bytes passed on. Nothing is spooled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.files.core import disposition
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import file_name

FIELD_BYTES: Final = 1024
PARTS: Final = 8
OVERHEAD_BYTES: Final = 64 << 10
"""What a form may have besides the file: boundaries, headers, fields."""
FILE: Final = "file"
FIELDS: Final = frozenset({"id"})


class UploadForm:
    """The parts come in any order. `chunks` is to be read to its end; then `name` and `fields` are right."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """Raises Refused (`invalid_request`) where the request is no form with files."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
            raise _bad("Send the file as multipart/form-data, in the part `file`.")
        self.name: str | None = None
        self.fields: dict[str, str] = {}
        self._body = body
        self._parts = 0
        self._part: str | None = None
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._header = b""
        self._header_value = b""
        self._ended = False
        self._chunks: list[bytes] = []
        self._beside = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_size=OVERHEAD_BYTES,  # a name may be long; it is cut, not refused
        )

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes. Raises Refused (`invalid_request`, `too_large`) for a form that cannot be used."""
        async for piece in self._body:
            self._beside += len(piece)
            try:
                self._parser.write(piece)
            except FormParserError:
                raise _bad("The form cannot be read.") from None
            chunks, self._chunks = self._chunks, []
            for chunk in chunks:
                self._beside -= len(chunk)
                yield chunk
            if self._beside > OVERHEAD_BYTES:
                raise Refused(ErrorCode.TOO_LARGE, "The form holds more than one file and its id.")
        if not self._ended:
            raise _bad("The form was cut short.")
        if self.name is None:
            raise _bad("The form has no file in the part `file`.")

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS:
            raise _bad("The form has too many parts.")
        self._headers, self._part, self._value = {}, None, b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.lower()] = self._header_value
        self._header = self._header_value = b""

    def _on_headers_finished(self) -> None:
        part = disposition.read(self._headers.get(b"content-disposition", b""))
        if part.name == FILE:
            if self.name is not None:
                raise _bad("The form has more than one file.")
            if part.filename is None:
                raise _bad("The part `file` has no filename.")
            self.name = file_name(part.filename)
        elif part.name not in FIELDS or part.name in self.fields:
            raise _bad("The form has a part that is not known here, or has one twice.")
        self._part = part.name

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == FILE:
            self._chunks.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > FIELD_BYTES:
            raise _bad("A field of the form is too long.")

    def _on_part_end(self) -> None:
        if self._part is not None and self._part != FILE:
            self.fields[self._part] = _utf8(self._value)

    def _on_end(self) -> None:
        self._ended = True


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise _bad("The form is not in UTF-8.") from None


def _bad(text: str) -> Refused:
    return Refused(ErrorCode.INVALID_REQUEST, text)
