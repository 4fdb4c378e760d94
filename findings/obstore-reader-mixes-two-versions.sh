#!/usr/bin/env bash
# obstore 0.12.1 (PyPI): `open_reader` reads an object in ranges, as a file handle does.
# One would guess: like an open file, or like `get`, it shows the object as it was when it was opened, or raises.
# What happens: each range is asked for by itself, without If-Match. An object that is replaced meanwhile comes as the
#   beginning of the old one and the end of the new one, of the right length, without an error. `get(...).stream()` of
#   the same store gives the old object whole.
# What Homin does: files are stored under ids that are never written twice, and downloads use `get` with a range.
# Needs: Python 3.11 or later.
set -euo pipefail
room=$(mktemp -d); trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/v"
"$room/v/bin/pip" install -qq --disable-pip-version-check obstore==0.12.1
"$room/v/bin/python" - "$room/store" <<'PY'
import os
import sys

import obstore
from obstore.store import LocalStore, MemoryStore

SIZE = 4 << 20
os.mkdir(sys.argv[1])
mixed = whole = 0
for store in (MemoryStore(), LocalStore(sys.argv[1])):
    obstore.put(store, "report", b"a" * SIZE)
    reader = obstore.open_reader(store, "report", buffer_size=64 << 10)
    first = bytes(reader.read(1 << 20))
    obstore.put(store, "report", b"b" * SIZE)
    read = first + bytes(reader.read())

    obstore.put(store, "report", b"a" * SIZE)
    chunks = iter(obstore.get(store, "report").stream(min_chunk_size=64 << 10))
    first = bytes(next(chunks))
    obstore.put(store, "report", b"b" * SIZE)
    streamed = first + b"".join(bytes(chunk) for chunk in chunks)

    name = type(store).__name__
    print(f"{name}: open_reader gave {read.count(b'a')} bytes of the old object and {read.count(b'b')} of the new")
    print(f"{name}: get().stream() gave {streamed.count(b'a')} of the old and {streamed.count(b'b')} of the new")
    mixed += len(read) == SIZE and 0 < read.count(b"a") < SIZE
    whole += streamed == b"a" * SIZE
if (mixed, whole) != (2, 2):
    sys.exit("This has changed: open_reader no longer mixes two versions, or get().stream() now does.")
PY
