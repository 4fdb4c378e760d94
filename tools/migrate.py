"""`make migrate`: brings the database of HOMIN_DATABASE_URL to the newest schema, and says so."""

from __future__ import annotations

import asyncio
import sys

from pydantic import ValidationError

from shared.runtime.database import migrate, place_of
from shared.runtime.secret_files import SecretUnreadable
from shared.runtime.settings import DataSettings


def main() -> None:
    try:
        url = DataSettings().database_url
    except ValidationError as why:
        sys.exit("; ".join(each["msg"] for each in why.errors()))
    except SecretUnreadable as why:
        sys.exit(str(why))
    asyncio.run(migrate(url))
    print(f"At the newest schema: {place_of(url)}")


if __name__ == "__main__":
    main()
