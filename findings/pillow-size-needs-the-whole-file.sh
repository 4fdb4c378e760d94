#!/usr/bin/env bash
# Pillow 13.0.0 cannot say the size of a WebP or AVIF picture whose first 64 KiB it has, and of PNG, GIF and JPEG it can.
#
# One would guess: `Image.open` reads the header and no more (so its documentation says), and both formats tell the size
# in their first bytes; so a server that has the beginning of an upload knows how large the picture is.
#
# What happens: of PNG, GIF and JPEG the beginning is enough. With WebP and AVIF `Image.open` hands all that it
# is given to the decoder, which wants the picture to be whole: `could not create decoder object` for the one,
# UnidentifiedImageError for the other. Both have their size in the first hundreds of bytes.
#
# Homin: services/files/core/pictures.py reads the header as the bytes pass by; Pillow is asked in the tests alone.
#
# Needs: bash, Python 3.11 or later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import random
import sys
from importlib.metadata import version

from PIL import Image

BEGINNING = 64 << 10
print("pillow", version("pillow"))
noise = Image.frombytes("RGB", (640, 480), random.Random(1).randbytes(640 * 480 * 3))
found = {}
for kind, options in {"PNG": {}, "GIF": {}, "JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.items():
    whole = io.BytesIO()
    noise.save(whole, kind, **options)
    assert len(whole.getvalue()) > BEGINNING, kind
    assert Image.open(whole).size == (640, 480)
    try:
        answer = str(Image.open(io.BytesIO(whole.getvalue()[:BEGINNING])).size)
    except Exception as why:
        answer = f"{type(why).__name__}: {str(why).partition(' <')[0]}"
    found[kind] = answer == "(640, 480)"
    print(f"  {kind}, the first {BEGINNING} of {len(whole.getvalue())} bytes: {answer}")
if found != {"PNG": True, "GIF": True, "JPEG": True, "WEBP": False, "AVIF": False}:
    sys.exit("It has changed: Pillow knows the size from other beginnings than this script says.")
PYTHON
