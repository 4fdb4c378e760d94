r"""The header Content-Disposition: of a part of a form (RFC 7578, 4.2), and of a download (RFC 6266).

Of the form it is read here, and not by python-multipart 0.0.34, whose `parse_options_header` takes `C:\notes.txt` for a
path of Internet Explorer's, and passes `filename*` over. Chromium 156 writes a backslash as it is, a quotation mark as
`%22` and line breaks as `%0D`, `%0A` (HTML, "multipart/form-data encoding algorithm"), so to it `"a\"` is a whole name.
httpx 0.28 does likewise, and doubles each backslash. Other programs put a backslash before a quotation mark (RFC 2045),
or say the name in `filename*` (RFC 8187). Of two backslashes in a row nobody can tell what was meant: they are read as
one, since there are more such programs than names with two.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Possessive throughout: what a peer writes is read once, however it is written.
_NAME = r';\s*+(?P<name>[^\s=;"]++)\s*+=\s*+'
_AS_BROWSERS: Final = re.compile(_NAME + r'(?:"(?P<quoted>[^"]*+)"|(?P<bare>[^";]*+))\s*+(?=;|\Z)')
_ESCAPED: Final = re.compile(_NAME + r'(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<bare>[^";]*+))\s*+(?=;|\Z)', re.DOTALL)
_ANYHOW: Final = re.compile(r';\s*+filename\s*+=\s*+"(.*)"', re.DOTALL | re.IGNORECASE)
_PAIR: Final = re.compile(r'\\(["\\])')
_ENCODED: Final = re.compile(r"%(22|0A|0D)", re.IGNORECASE)
_EXTENDED: Final = re.compile(
    r"(?P<charset>UTF-8|ISO-8859-1)'[^']*+'(?P<value>(?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*+)", re.IGNORECASE
)
_BYTE: Final = re.compile(rb"%(..)")
# Characters of a header's parameter that need no escape (RFC 8187, section 3.2.1, attr-char).
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~")


class Part(NamedTuple):
    """`name` of the field, "" where there is none; `filename` as it was sent, None where the part is no file."""

    name: str
    filename: str | None


def read(header: bytes) -> Part:
    """What the Content-Disposition of a form's part says. Bytes that are no UTF-8 become U+FFFD."""
    text = header.decode(errors="replace")
    start = text.find(";")
    if start < 0:
        return Part("", None)
    given = _parameters(text, start, _AS_BROWSERS)
    if given is not None:
        given = {key: value.replace("\\\\", "\\") for key, value in given.items()}
    else:
        escaped = _parameters(text, start, _ESCAPED)
        given = {key: _PAIR.sub(r"\1", value) for key, value in (escaped or {}).items()}
        if not given and (found := _ANYHOW.search(text, start)):
            given = {**(_parameters(text[: found.start()], start, _AS_BROWSERS) or {}), "filename": found[1]}
    extended = _extended(given.get("filename*", ""))
    plain = given.get("filename")
    if plain is not None:
        plain = _ENCODED.sub(lambda code: chr(int(code[1], 16)), plain)
    return Part(given.get("name", ""), plain if extended is None else extended)


def _parameters(text: str, at: int, rule: re.Pattern[str]) -> dict[str, str] | None:
    """The parameters from `at` on, the first of each name; None where the rule does not read them to the end."""
    found: dict[str, str] = {}
    text = text.rstrip("; \t\r\n")
    while at < len(text):
        match = rule.match(text, at)
        if match is None:
            return None
        value = match["quoted"] if match["quoted"] is not None else match["bare"].strip()
        found.setdefault(match["name"].lower(), value)
        at = match.end()
    return found


def _extended(value: str) -> str | None:
    """A value with its character set (RFC 8187, 3.2); None where it is none, or cannot be read."""
    found = _EXTENDED.fullmatch(value)
    if found is None:
        return None
    try:
        return _BYTE.sub(lambda byte: bytes([int(byte[1], 16)]), found["value"].encode()).decode(found["charset"])
    except UnicodeDecodeError:
        return None


def write(name: str, inline: bool) -> str:
    """The value for a download: a plain name for old clients, and the true one in UTF-8 (RFC 8187)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    value = f'{"inline" if inline else "attachment"}; filename="{plain}"'
    if plain == name:
        return value
    exact = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in name.encode())
    return f"{value}; filename*=UTF-8''{exact}"
