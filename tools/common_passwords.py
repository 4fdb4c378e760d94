"""Writes services/accounts/common_passwords/list.txt from the package that carries the list: `make generate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from services.accounts.common_passwords import LIST
from services.accounts.core.forms import name_key

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "web" / "node_modules" / "@zxcvbn-ts" / "language-common" / "src" / "passwords.json"


def listed() -> str:
    """The text of the list. FileNotFoundError where the web client's packages are not installed."""
    passwords: list[str] = json.loads(SOURCE.read_text())
    once = dict.fromkeys(name_key(password).strip() for password in passwords)
    return "".join(f"{password}\n" for password in once if password)


if __name__ == "__main__":
    LIST.write_text(listed())
