"""Before anything else starts in a deployment: what must not go out into the world is refused, in a sentence.

`python -m tools.preflight` reads DOMAIN, DATABASE_PASSWORD and BROKER_PASSWORD (or …_FILE) as the Compose file gives
them. Without DOMAIN the installation is for this machine and its network, and any password will do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PASSWORDS = ("DATABASE_PASSWORD", "BROKER_PASSWORD")
DEFAULTS = frozenset({"homin", "guest", "postgres", "rabbitmq", "password", "changeme", "change-me", "secret"})
SHORTEST = 12


def troubles(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each thing that keeps the deployment from starting. Empty means it may."""
    domain = environment.get("DOMAIN", "").strip()
    if not domain:
        return []
    found = []
    if any(sign in domain for sign in "/:@ "):
        found.append(f"DOMAIN must be a name such as chat.example.org, and {domain!r} is not.")
    for name in PASSWORDS:
        try:
            password = _value(environment, name)
        except OSError as why:
            found.append(f"{name}_FILE cannot be read: {why.strerror}.")
            continue
        if password.lower() in DEFAULTS or not password:
            what = "is still the default"
        elif len(password) < SHORTEST:
            what = f"has fewer than {SHORTEST} characters"
        else:
            continue
        found.append(
            f"{name} {what}, and DOMAIN={domain} opens the installation to the world. "
            f"Set it in .env (openssl rand -hex 24 makes one)."
        )
    return found


def _value(environment: Mapping[str, str], name: str) -> str:
    path = environment.get(f"{name}_FILE")
    return Path(path).read_text().strip() if path else environment.get(name, "")


def main() -> None:
    found = troubles(os.environ)
    for sentence in found:
        print(f"homin: {sentence}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
