#!/usr/bin/env bash
# imagesize 2.0.1 takes an AVIF picture that says how it is turned for no picture.
#
# One would guess: an AVIF photo that a phone held upright has made has a size like any other, width and height perhaps
# exchanged; Pillow writes such files, and browsers show them.
#
# What happens: of a picture without a turn, `imagesize.get` gives the size. Where the file has an `irot` property (Pillow
# 13.0.0 writes one for Exif orientations that turn), it gives (-1, -1), as for a file that is no picture. `irot` is a
# plain box with one byte of body (ISO/IEC 23008-12, 6.5.10); it is read as a full box of five.
#
# Homin: services/files/core/pictures.py reads the properties of the primary item itself, `irot` as the plain box that it is.
#
# Needs: bash, Python 3.11 or later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check imagesize==2.0.1 pillow==13.0.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import imagesize
from PIL import ExifTags, Image

print("imagesize", version("imagesize"), "pillow", version("pillow"))
seen = {}
for orientation in (1, 2, 3, 6, 8):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    name = f"{orientation}.avif"
    Image.new("RGB", (48, 32), "teal").save(name, exif=exif.tobytes())
    with open(name, "rb") as file:
        turned = b"irot" in file.read()
    size = imagesize.get(name)
    with Image.open(name) as picture:
        print(f"  orientation {orientation}: irot {turned}, Pillow {picture.size}, imagesize {size}")
    seen[orientation] = (turned, size == (-1, -1))
if any(turned != failed for turned, failed in seen.values()) or sum(turned for turned, _ in seen.values()) < 3:
    sys.exit("It has changed: imagesize fails at other files than those with `irot`, or Pillow writes none.")
PYTHON
