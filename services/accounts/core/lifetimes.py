"""How long something is good, as people write it and read it."""

from __future__ import annotations

import re
from typing import Final

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LIFETIME: Final = re.compile(r"([0-9]{1,12})([smhd]?)")


def seconds_of(text: str, most: int) -> int:
    """`30d`, `12h`, `90m`, `45s` or a number of seconds, from 1 to `most`.

    ValueError, with a sentence, where it is none or is out of these bounds."""
    text = text.strip().lower()
    match = _LIFETIME.fullmatch(text)
    if match is None and not re.fullmatch(r"[0-9]+[smhd]?", text):
        raise ValueError("A lifetime is a number with s, m, h or d, such as 30d, and at least 1.")
    seconds = int(match[1]) * UNITS[match[2] or "s"] if match else most + 1
    if seconds < 1:
        raise ValueError("A lifetime is at least 1 second.")
    if seconds > most:
        raise ValueError(f"Such a token is good for at most {written(most)}.")
    return seconds


def written(seconds: int) -> str:
    """In the largest unit that says it exactly, as `seconds_of` reads it."""
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"
