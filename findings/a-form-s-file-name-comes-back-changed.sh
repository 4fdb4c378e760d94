#!/usr/bin/env bash
# A file's name that httpx 0.28.1 sends in a form is not the name that Starlette 1.x (python-multipart 0.0.34) gives.
#
# One would guess: what the best-known client of Python writes, its best-known server reads, so `say "hi".txt` comes
# back as it was; that a backslash, which Unix allows in names, is a character like any other; and that a name said as
# RFC 8187 has it (`filename*`) counts more than the plain one beside it, as in every other Content-Disposition.
#
# What happens: httpx writes a quotation mark as browsers do, `%22`, and python-multipart never reads that back: the name
# becomes `say %22hi%22.txt`, for good. httpx doubles backslashes, which browsers do not, and python-multipart halves
# them, so that one of two real ones that a browser sends is lost. What stands before the last backslash of `C:\notes.txt`
# is cut off as a path of Internet Explorer 6's; `filename*` is passed over, and the answer is the other name.
#
# Homin: services/files/core/disposition.py reads the header itself; where two conventions meet, it says which counts.
#
# Needs: bash, Python 3.11 or later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 starlette==1.10.0 python-multipart==0.0.34
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys
from importlib.metadata import version

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def upload(request):
    return JSONResponse((await request.form())["file"].filename)


async def main():
    app = Starlette(routes=[Route("/", upload, methods=["POST"])])
    print(*(f"{name} {version(name)}" for name in ("httpx", "starlette", "python-multipart")))
    seen = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        for name in ("plain.txt", 'say "hi".txt', "back\\slash.txt", "C:\\notes.txt"):
            seen.append((await client.post("/", files={"file": (name, b"x")})).json())
            print(f"  sent by httpx: {name}   given by starlette: {seen[-1]}")
        # As Chromium 156 writes two backslashes, and as RFC 8187 writes a name.
        for header in (b'filename="two\\\\marks.txt"', b"filename=\"x.txt\"; filename*=UTF-8''%D0%BA%D1%96%D1%82.txt"):
            body = b'--b\r\nContent-Disposition: form-data; name="file"; ' + header + b"\r\n\r\nx\r\n--b--\r\n"
            kind = {"Content-Type": "multipart/form-data; boundary=b"}
            seen.append((await client.post("/", content=body, headers=kind)).json())
            print(f"  in the form: {header.decode()}   given by starlette: {seen[-1]}")
    expected = ["plain.txt", "say %22hi%22.txt", "back\\slash.txt", "notes.txt", "two\\marks.txt", "x.txt"]
    if seen != expected:
        sys.exit("It has changed: names come back in another way than this script says.")


asyncio.run(main())
PYTHON
