#!/usr/bin/env bash
# segno: a QR code with Cyrillic letters is written in Shift JIS, so jsQR shows nothing for it.
#
# Guess:    what ISO 8859-1 has no letters for is written in UTF-8 ("if it does not fit, it will use UTF-8", says the
#           documentation of segno.make); every reader of today takes a code without a mark of its encoding for UTF-8.
# Happens:  before UTF-8 it tries Shift JIS, and that Japanese encoding has the Russian alphabet: а to я, ё, but no і, ї, є,
#           ґ. So an invitation to …/чат, …/робота or …/новини is written in Shift JIS without saying so, one to
#           …/гомін in UTF-8, by the same call. jsQR, which many a web page scans with, finds the first code and
#           gives "" for its text; ZXing guesses from the bytes, and finds it. encoding="utf-8" writes UTF-8 always.
# Seen:     segno 1.6.6, zxing-cpp 3.1.1 (PyPI), jsqr 1.4.0 (npm).
# Homin:    the address of a room is percent-encoded (web/src/model/room-names.ts), which is ASCII to every encoder.
# Needs:    Python 3.11 or later, and Node 20 or later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check segno==1.6.6 zxing-cpp==3.1.1 numpy==2.4.6
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund jsqr@1.4.0
cat > write.py <<'PYTHON'
import json
import sys

import numpy
import segno
import zxingcpp

LINKS = {f"https://chat.example/{room}": expected for room, expected in {
    "lobby": "ascii", "чат": "shift_jis", "робота": "shift_jis", "новини": "shift_jis",
    "гомін": "utf-8", "їжа": "utf-8", "єдність": "utf-8",
}.items()}
seen, codes = {}, []
for link, forced in [*((link, None) for link in LINKS), ("https://chat.example/чат", "utf-8")]:
    code = segno.make_qr(link, encoding=forced)
    picture = numpy.array([[255 * (not dark) for dark in row] for row in code.matrix_iter(scale=8, border=4)], numpy.uint8)
    found = zxingcpp.read_barcodes(picture)[0]
    used = next(name for name in ("ascii", "utf-8", "shift_jis") if link.encode(name, "replace") == bytes(found.bytes))
    print(f"segno.make_qr({link!r}{'' if forced is None else f', encoding={forced!r}'}): {used}; ZXing reads {found.text}")
    if found.text != link:
        sys.exit("It has changed: ZXing reads another text.")
    if forced is None:
        seen[link] = used
    elif used != forced:
        sys.exit("It has changed: an encoding that is asked for is not used.")
    codes.append({"link": link, "encoding": used, "side": len(picture), "luminance": picture.tobytes().hex()})
if seen != LINKS:
    sys.exit("It has changed: segno chooses encodings otherwise than this script says.")
json.dump(codes, open("codes.json", "w"))
PYTHON
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs"
import jsqr from "jsqr"

const read = jsqr.default ?? jsqr
let changed = false
for (const { link, encoding, side, luminance } of JSON.parse(readFileSync("codes.json", "utf8"))) {
  const grey = Buffer.from(luminance, "hex")
  const pixels = new Uint8ClampedArray(4 * side * side).map((_, at) => (at % 4 === 3 ? 255 : grey[at >> 2]))
  const code = read(pixels, side, side)
  console.log(`jsQR reads ${link} (${encoding}): ${code ? JSON.stringify(code.data) : "no code"}`)
  changed ||= code?.data !== (encoding === "shift_jis" ? "" : link)
}
if (changed) {
  console.error("It has changed: jsQR reads such a code otherwise than this script says.")
  process.exit(1)
}
JS
venv/bin/python write.py
node read.mjs
