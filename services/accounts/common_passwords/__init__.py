"""The most common passwords, 49,000 of them; of those that are long enough to be passwords here, some 18,000.

They are those of @zxcvbn-ts/language-common (MIT; LICENSE.txt beside this file), which web/package.json pins: the
longest list of a package that is kept. `make generate` writes `list.txt` from it, and a test compares the two. It is a
file of ours, since no service runs with Node's packages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("list.txt")
"""One a line, in the form that `name_key` gives, the most common first."""


def common_passwords() -> frozenset[str]:
    """All of them, read anew: some 5 MB."""
    return frozenset(LIST.read_text().splitlines())
