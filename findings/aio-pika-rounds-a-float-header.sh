#!/usr/bin/env bash
# aio-pika: a float in a header arrives as another number, and a time of day up to 64 seconds away.
#
# Guess:    headers={"sent_at": time.time()} arrives as it was sent: a Python float is a double, AMQP 0-9-1 has a type for
#           doubles (`d`), and other clients write it so.
# Happens:  pamqp, which encodes for aio-pika and aiormq, writes every float as single precision (`f`, 24 bits). Today's
#           Unix time is then a multiple of 128 seconds: the age of a message is wrong by up to a minute, in both
#           directions, some ages are negative, and all messages of two minutes have the same time. 0.1 arrives as
#           0.10000000149011612, so what compares it finds a difference. Nothing is raised, and an int is exact.
# Seen:     aio-pika 10.2.1, pamqp 4.0.1; py-amqp 5.3.1 (Celery's and kombu's client) writes `d` for the same dict.
# Homin:    puts texts into headers, and times into the body, as whole milliseconds.
# Needs:    Python 3.11 or later. No broker: it passes a header table on as it came.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aio-pika==10.2.1 pamqp==4.0.1 amqp==5.3.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import aio_pika
from amqp.serialization import dumps, loads
from pamqp import encode
from pamqp.header import ContentHeader

HEADERS = {"sent_at": 1795831057.25, "share": 0.1, "half": 0.5, "sent_at_ms": 1795831057250}


def through_aio_pika(headers):
    """The type of `sent_at` on the wire, and what the other side reads."""
    properties = aio_pika.Message(b"hi", headers=headers).properties
    read = ContentHeader()
    read.unmarshal(ContentHeader(0, 2, properties).marshal())
    return kind(encode.field_table(headers)), read.properties.headers


def through_py_amqp(headers):
    table = dumps("F", [headers])
    return kind(table), loads("F", table, 0)[0][0]


def kind(table):
    return chr(table[table.index(b"sent_at") + len(b"sent_at")])


seen = {}
for name, through in (("aio-pika", through_aio_pika), ("amqp", through_py_amqp)):
    wire, read = through(HEADERS)
    seen[name] = wire, read
    print(f"{name} {version(name)} writes a float as type {wire!r}:")
    for key, value in HEADERS.items():
        print(f"  {key}: {value!r} arrives as {read[key]!r}" + ("" if read[key] == value else f" ({read[key] - value:+.10g})"))

wire, read = seen["aio-pika"]
if seen["amqp"] != ("d", HEADERS):
    sys.exit("It has changed: the client it is compared with does not write doubles.")
if wire != "f" or read != {**HEADERS, "sent_at": 1795831040.0, "share": 0.10000000149011612}:
    sys.exit("It has changed: a float arrives otherwise than this script says.")
PYTHON
