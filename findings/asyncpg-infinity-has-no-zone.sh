#!/usr/bin/env bash
# asyncpg: a timestamptz of 'infinity' comes as a datetime without a zone, beside rows that have one.
#
# Guess:    timestamptz gives aware datetimes, as the table of asyncpg's documentation says. PostgreSQL's 'infinity' (muted
#           for ever, never expires) is then datetime.max in UTC, or raises.
# Happens:  it is datetime.max without a zone. `until > datetime.now(UTC)` works for each row but those, where it raises
#           TypeError; sorting the rows does too. JSON made of it has no offset and means local time to its reader. And
#           9999-12-31 23:59:59.999999+00 itself, which somebody else wrote for “for ever”, comes with a zone: the two are
#           unequal, but each of them, sent back, is stored as 'infinity': a round trip changes the row.
# Seen:     asyncpg 0.32.0, PostgreSQL 15.
# Homin:    times are whole milliseconds in a bigint (services/router/tables.py).
# Needs:    the Debian package postgresql, and Python 3.11 or later.
set -euo pipefail
folder=$(mktemp -d)
clean_up() {
    [[ ! -f $folder/data/postmaster.pid ]] || as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null
    rm -rf "$folder"
}
trap clean_up EXIT
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[[ -x ${bin:-}/initdb ]] || { echo "This needs PostgreSQL: apt-get install postgresql"; exit 1; }
# PostgreSQL does not run as root.
as_owner() { if [[ $EUID -eq 0 ]]; then (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); else "$@"; fi; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check asyncpg==0.32.0
[[ $EUID -ne 0 ]] || chown postgres "$folder"
as_owner "$bin/initdb" -D "$folder/data" -U postgres -A trust --locale=C.UTF-8 >/dev/null
as_owner "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -o "-k $folder -c listen_addresses=" start >/dev/null
chmod 755 "$folder"
FOLDER=$folder "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import os
import sys
from datetime import UTC, datetime

import asyncpg

NEW_YEAR, END = datetime(2027, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
ROWS = {"2027-01-01 00:00:00+00": NEW_YEAR, "infinity": datetime.max, "9999-12-31 23:59:59.999999+00": END}


async def main():
    connection = await asyncpg.connect(host=os.environ["FOLDER"], user="postgres", database="postgres")
    print("asyncpg", asyncpg.__version__, "· PostgreSQL", await connection.fetchval("SHOW server_version"))
    await connection.execute("SET timezone TO 'UTC'; CREATE TABLE mute (until timestamptz)")
    seen, stored = {}, {}
    for text in ROWS:
        until = seen[text] = await connection.fetchval("INSERT INTO mute VALUES ($1::text::timestamptz) RETURNING until", text)
        stored[text] = await connection.fetchval("SELECT $1::timestamptz::text", until)
        try:
            lasts = until > NEW_YEAR
        except TypeError as why:
            lasts = f"TypeError: {why}"
        print(f"{text} comes as {until.isoformat()}; later than New Year: {lasts}; sent back it is {stored[text]}")
    try:
        sorted(row["until"] for row in await connection.fetch("SELECT until FROM mute"))
        sortable = True
    except TypeError:
        sortable = False
    print("the three can be sorted:", sortable)
    await connection.close()
    back = {"2027-01-01 00:00:00+00": "2027-01-01 00:00:00+00"} | {text: "infinity" for text in list(ROWS)[1:]}
    if sortable or seen != ROWS or stored != back:
        sys.exit("It has changed: infinity comes, or is sent, otherwise than this script says.")


asyncio.run(main())
PYTHON
