"""`python -m services.accounts.tokens olena`, `… --count 1000`: tokens for tools, one a line on standard output.

Each is a guest of its own, put straight into the database and signed with the deployment's key. Such a token cannot be
renewed: say by `--ttl` how long it is needed (30d, 12h; at most HOMIN_REFRESH_S, as any sign-in). Until when it is good
is told on standard error. It can be ended sooner, but only by who has it:

    curl -X POST -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/accounts/logout
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from secrets import token_hex

from pydantic import ValidationError

from services.accounts.core.claims import Grant, User
from services.accounts.core.forms import GuestForm
from services.accounts.core.lifetimes import seconds_of, written
from services.accounts.keys import SigningKeys, new_private_key
from services.accounts.settings import Settings
from services.accounts.store import AccountStore
from shared.runtime.database import migrate, open_engine
from shared.runtime.log import configure_log
from shared.runtime.service import CannotStart, run


async def make_tokens(settings: Settings, names: Sequence[str], ttl_s: int, now: int) -> Iterator[str]:
    """Adds a guest for each of `names`, and signs a token for each that is good for `ttl_s` seconds from `now`."""
    await migrate(settings.database_url)
    engine = open_engine(settings.database_url)
    try:
        store = AccountStore(engine)
        keys = SigningKeys(settings.issuer, settings.audience)
        keys.use(await store.signing_keys(new_private_key(), now))
        guests = [User(token_hex(16), name, guest=True) for name in names]
        await store.add_guests(guests, now)
    finally:
        await engine.dispose()
    return (keys.sign(user, Grant(token_hex(16), now, now + ttl_s)) for user in guests)


async def main() -> None:
    """Reads the command line, writes tokens to standard output."""
    arguments = argparse.ArgumentParser(
        prog="python -m services.accounts.tokens",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_argument("name", nargs="?", help="whose token; without it, user-0001 and so on")
    arguments.add_argument("--count", type=int, default=1, help="how many tokens (default 1)")
    arguments.add_argument("--ttl", help="how long they are good: 30d, 12h, 90m, 45s (default HOMIN_TOKEN_S)")
    given = arguments.parse_args()
    settings = Settings()
    configure_log(settings)
    if settings.outside_issuer:
        raise CannotStart(f"People sign in at {settings.issuer} here, which must make their tokens too.")
    if given.count < 1:
        raise CannotStart("--count must be at least 1.")
    if given.name is not None and given.count > 1:
        raise CannotStart("Give a name, or --count, not both.")
    names = [given.name] if given.name is not None else [f"user-{n:04}" for n in range(1, given.count + 1)]
    try:
        GuestForm(name=names[0])
    except ValidationError as wrong:
        raise CannotStart(f"The name {wrong.errors()[0]['msg'].removeprefix('Value error, ')}.") from None
    ttl_s, now = settings.token_s, int(time.time())
    # No longer than a sign-in: so long a revoked token is remembered, and a guest without a session kept.
    longest_s = max(settings.refresh_s, settings.token_s)
    if given.ttl is not None:
        try:
            ttl_s = seconds_of(given.ttl, longest_s)
        except ValueError as why:
            raise CannotStart(f"{why} (--ttl {given.ttl[:20]}; HOMIN_REFRESH_S is the bound.)") from None
    tokens = await make_tokens(settings, names, ttl_s, now)
    sys.stdout.writelines(f"{token}\n" for token in tokens)
    sys.stdout.flush()
    until = datetime.fromtimestamp(now + ttl_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    these = "This token is" if given.count == 1 else f"These {given.count:,} tokens are"
    longer = "" if given.ttl is not None else f" TTL=30d (or --ttl 30d) asks for longer, up to {written(longest_s)}."
    sys.stderr.write(f"{these} good until {until} ({written(ttl_s)}).{longer}\n")


if __name__ == "__main__":
    run(main)
