"""Which characters show something, and Unicode's forms of a text, alike on every Python.

Python 3.11 knows Unicode 14, 3.14 knows 16, and people send what is newer than either. So nothing here asks the
interpreter which characters there are: the sets are written down (from Unicode 18.0) and hold no character by which a
later version would differ, and the forms leave alone what has come since Unicode 14. An unassigned character counts as
one that shows something, for it may be next year's emoji.

The strings are the insides of a character class (`[…]`), for Python's `re` and, generated, for the browser's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final, Literal

CONTROL: Final = "\x00-\x1f\x7f-\x9f"  # General_Category Cc, which never changes
LINE_BREAK: Final = "\t-\r\x1c-\x1e\x85\u2028\u2029"  # with the tabs, which break no less in a line of a list
SPACE: Final = "\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # White_Space, and C0's own
DIRECTION: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Bidi_Control (UAX #9), all there will be
SURROGATE: Final = "\ud800-\udfff"
PRIVATE: Final = "\ue000-\uf8ff\U000f0000-\U0010ffff"
# Noncharacters (The Unicode Standard, 23.7), fixed for ever. Those of planes 15 and 16 count as private use.
_NONE: Final = "\ufdd0-\ufdef\ufffe\uffff" + "".join(
    f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 15)
)
# Default_Ignorable_Code_Point (DerivedCoreProperties of 18.0): joiners, fillers, selectors, tags, and all that is
# reserved for more of them.
IGNORABLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Whose picture is empty by its own definition: the Braille cell without dots, two hieroglyphic blanks, the null
# notehead. The Braille cell is a space of Braille: between other cells it is as good as any, alone it shows nothing.
BLANK: Final = "\u2800\U00013441\U00013442\U0001d159"
_ANNOTATION: Final = "\ufff9-\ufffb"
HIDDEN: Final = CONTROL + "\u2028\u2029" + IGNORABLE + BLANK + SURROGATE + _NONE + _ANNOTATION
"""All that shows nothing and is no space …"""
UNSEEN: Final = SPACE + HIDDEN
"""… and with the spaces."""

# What came after Unicode 14 and has a decomposition, a combining class or a case (as of 18.0).
LATER: Final = (
    "\u0558\u058b\u058c\u05c8\u05c9\u0897\u1acf-\u1af0\u1c89\u1c8a\u209d-\u209f\ua7cb-\ua7cf\ua7d2\ua7d4\ua7da-\ua7dd"
    "\ua7e2\ua7f1\uab6c\uab6d\U000105c9\U000105d2\U000105da\U000105e4\U000107bb-\U000107bf\U00010d50-\U00010d65"
    "\U00010d69-\U00010d6d\U00010d70-\U00010d85\U00010ecb-\U00010ecf\U00010ef0-\U00010efb\U00010efd-\U00010eff"
    "\U00011382-\U00011385\U0001138b\U0001138e\U00011390\U00011391\U000113b8\U000113bb\U000113c2\U000113c5"
    "\U000113c7-\U000113c9\U000113ce-\U000113d0\U00011f41\U00011f42\U0001611e-\U00016129\U0001612f\U00016d63"
    "\U00016d67-\U00016d6a\U00016ea0-\U00016eb8\U00016ebb-\U00016ed3\U0001b123-\U0001b126\U0001ccd6-\U0001ccf9"
    "\U0001d127\U0001d128\U0001d250-\U0001d252\U0001d25b\U0001d25c\U0001d25f\U0001d280\U0001d281\U0001d6a6"
    "\U0001df1f-\U0001df7f\U0001df90-\U0001df96\U0001dfcd-\U0001dfff\U0001e030-\U0001e06d\U0001e08f\U0001e4ec-\U0001e4ef"
    "\U0001e5ee\U0001e5ef\U0001e6e3\U0001e6e6\U0001e6ee\U0001e6ef\U0001e6f5"
)
Form = Literal["NFC", "NFKC"]

_SEEN: Final = re.compile(f"[^{UNSEEN}]")
_BEGINS_SEEN: Final = re.compile("[!-~\u00c0-\u02af\u0400-\u0481]")
"""How nearly every text begins, which takes a tenth of the time to see: ASCII, Latin and Cyrillic letters."""
_LATER: Final = re.compile(f"([{LATER}]+)")


def shows(text: str) -> bool:
    """Whether anything of `text` can be seen."""
    return _BEGINS_SEEN.match(text) is not None or _SEEN.search(text) is not None


def is_composed(value: str) -> bool:
    """Whether `value` is in NFC (UAX #15)."""
    if value.isascii():
        return True
    pieces = _LATER.split(value)[::2] if _LATER.search(value) else (value,)
    return all(unicodedata.is_normalized("NFC", piece) for piece in pieces)


def normal(form: Form, value: str) -> str:
    """`value` in that form. Takes time with the square of a run of combining marks: bound its length first."""
    return value if value.isascii() else _but_for_later(lambda piece: unicodedata.normalize(form, piece), value)


def folded(value: str) -> str:
    """`value` without the difference between capital and small letters."""
    return _but_for_later(str.casefold, value)


def lowered(value: str) -> str:
    """`value` in small letters."""
    return _but_for_later(str.lower, value)


def _but_for_later(change: Callable[[str], str], value: str) -> str:
    pieces = _LATER.split(value)
    pieces[::2] = [change(piece) for piece in pieces[::2]]
    return "".join(pieces)
