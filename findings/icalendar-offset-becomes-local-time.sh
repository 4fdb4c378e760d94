#!/usr/bin/env bash
# icalendar: a time with an offset is written as a zone that nobody knows, and read as a time without one.
#
# Guess:    datetime.fromisoformat("2026-07-01T10:00:00+03:00"), which is how times come in JSON, is one moment; iCalendar
#           has no offsets, so it is written in UTC (070000Z), or refused.
# Happens:  it is written as DTSTART;TZID="UTC+03:00":20260701T100000, and the file has no such zone, which RFC 5545
#           (3.2.19) demands; add_missing_timezones(), made for that, adds none. icalendar reads its own file back
#           as 10:00 without a zone, and ical.js (Thunderbird's) as "floating": 10 o'clock wherever the reader is. So the
#           invitation is right for those who live where it was made, and hours off for the others. +00:00 is written
#           as Z: on a server whose zone is UTC, as in most containers, nothing shows.
# Seen:     icalendar 7.3.2 (PyPI), ical.js 2.2.1 (npm).
# Homin:    all its times are UTC (`…Z`), so what makes a calendar of them is right; a client that first turns them into
#           the reader's zone must use a named one (zoneinfo), or astimezone(UTC).
# Needs:    Python 3.11 or later, with the zone files (Debian: tzdata), and Node 20 or later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund ical.js@2.2.1
cat > write.py <<'PYTHON'
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

moment = datetime.fromisoformat("2026-07-01T10:00:00+03:00")
starts = {"offset": moment, "named": moment.astimezone(ZoneInfo("Europe/Kyiv")), "utc": moment.astimezone(UTC)}
read = {}
for name, start in starts.items():
    calendar = Calendar()
    calendar.add("prodid", "-//example//")
    calendar.add("version", "2.0")
    event = Event()
    event.add("uid", "1@example.org")
    event.add("dtstamp", datetime(2026, 6, 1, tzinfo=UTC))
    event.add("dtstart", start)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    text = calendar.to_ical()
    with open(f"{name}.ics", "wb") as file:
        file.write(text)
    again = Calendar.from_ical(text)
    read[name] = again.events[0]["dtstart"].dt
    line = next(line for line in text.decode().splitlines() if line.startswith("DTSTART") and ":20260701" in line)
    print(f"{start.isoformat()} ({name}): {line}")
    print(f"  zones in the file: {len(again.timezones)}; icalendar reads {read[name].isoformat()}")
if read != {**starts, "offset": moment.replace(tzinfo=None)}:
    sys.exit("It has changed: icalendar writes or reads an offset otherwise than this script says.")
PYTHON
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs"
import ICAL from "ical.js"

const seen = {}
for (const name of ["offset", "named", "utc"]) {
  const calendar = new ICAL.Component(ICAL.parse(readFileSync(`${name}.ics`, "utf8")))
  for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone)
  const start = new ICAL.Event(calendar.getFirstSubcomponent("vevent")).startDate
  seen[name] = start.toJSDate().toISOString()
  console.log(`TZ=${process.env.TZ}, ical.js reads ${name}: ${start} (${start.zone.tzid}), that is ${seen[name]}`)
}
const right = "2026-07-01T07:00:00.000Z"
const wrong = { "Europe/Kyiv": right, "America/New_York": "2026-07-01T14:00:00.000Z" }[process.env.TZ]
if (JSON.stringify(seen) !== JSON.stringify({ offset: wrong, named: right, utc: right })) {
  console.error("It has changed: ical.js reads such a file otherwise than this script says.")
  process.exit(1)
}
JS
venv/bin/python write.py
for zone in Europe/Kyiv America/New_York; do TZ=$zone node read.mjs; done
