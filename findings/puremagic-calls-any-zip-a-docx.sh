#!/usr/bin/env bash
# puremagic 1.30 calls every ZIP file a Word document.
#
# One would guess: bytes of a workbook are called a workbook, and those of a ZIP file with a text in it a ZIP file; or, as
# the two begin alike, that the answer comes with less confidence or is "zip". And that where only bytes are given, a
# file's name has no say.
#
# What happens: without a name, the bytes of a workbook (openpyxl 3.1.5) and of a ZIP file with one text are both `.docx`,
# with the very same confidence of 0.4 as `.pptx`, `.xlsx` and all the others that begin so; the first of the table wins.
# With a name, its ending decides: the same bytes are a spreadsheet, a presentation or a Java archive, as they are called.
#
# Homin: services/files/core/archives.py reads the names of the entries; puremagic is not asked about ZIP files.
#
# Needs: bash, Python 3.11 or later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check puremagic==1.30 openpyxl==3.1.5
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys
import zipfile
from importlib.metadata import version

import openpyxl
import puremagic

book, notes = io.BytesIO(), io.BytesIO()
openpyxl.Workbook().save(book)
with zipfile.ZipFile(notes, "w", zipfile.ZIP_DEFLATED) as file:
    file.writestr("notes.txt", "hello\n")

print("puremagic", version("puremagic"))
seen = {
    "a workbook's bytes": puremagic.from_string(book.getvalue()),
    "a zipped text's bytes": puremagic.from_string(notes.getvalue()),
    "the workbook, called a.xlsx": puremagic.from_string(book.getvalue(), filename="a.xlsx"),
    "the workbook, called a.pptx": puremagic.from_string(book.getvalue(), filename="a.pptx"),
    "the workbook, called a.jar": puremagic.from_string(book.getvalue(), filename="a.jar"),
}
for what, extension in seen.items():
    print(f"  {what}: {extension}")
confidences = {match.confidence for match in puremagic.magic_string(book.getvalue())[:4]}
print("  confidence of the first four answers:", *sorted(confidences))
if list(seen.values()) != [".docx", ".docx", ".xlsx", ".pptx", ".jar"] or confidences != {0.4}:
    sys.exit("It has changed: puremagic tells ZIP files apart in another way than this script says.")
PYTHON
