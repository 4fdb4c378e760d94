#!/usr/bin/env bash
# obstore: put_async that is cancelled leaves what it has sent in S3, where no listing shows it.
#
# Guess:    a put from an async iterator stores all or nothing: when the iterator raises, the multipart upload is aborted,
#           and so it is when the task is cancelled (asyncio.timeout, a service that stops).
# Happens:  raising aborts it. Cancelling does not: the upload stays open with all parts sent so far, is no object, is in
#           no list(), is removed by no delete(), and is paid for until a lifecycle rule ends it. That goes for the
#           smallest body too, as an iterator is always sent in parts. `async with open_writer_async()` aborts in both
#           cases.
# Seen:     obstore 0.12.1 (PyPI), with a server that speaks as much of S3 as this needs.
# Homin:    makes the iterator raise and waits for the put, instead of cancelling that (services/files/objects.py).
# Needs:    Python 3.11 or later. The server is on 127.0.0.1, inside the script.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
NO_PROXY=127.0.0.1 "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import http.server
import sys
import threading
from importlib.metadata import version
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.store import S3Store

PART = 5 << 20
uploads = {}  # what is neither complete nor aborted: id → bytes by part
changes = threading.Condition()


class S3(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        name, answer = query.get("uploadId", [""])[0], b""
        status = 200
        with changes:
            if name and name not in uploads:
                status = 404  # a part that comes after the abort
            elif self.command == "POST" and "uploads" in query:
                name = str(self.server.asked)
                self.server.asked += 1
                uploads[name] = {}
                tag = "InitiateMultipartUploadResult"
                answer = f"<{tag}><UploadId>{name}</UploadId></{tag}>".encode()
            elif self.command == "PUT" and name:
                uploads[name][query["partNumber"][0]] = len(body)
            elif self.command == "POST" and name:
                del uploads[name]
                answer = b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'
            elif self.command == "DELETE" and name:
                del uploads[name]
            changes.notify_all()
        self.send_response(status)
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if answer:
            self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), S3)
server.asked = 0
threading.Thread(target=server.serve_forever, daemon=True).start()
store = S3Store(
    "bucket", endpoint=f"http://127.0.0.1:{server.server_port}", access_key_id="a", secret_access_key="b", region="here",
    client_options={"allow_http": True},
)


class CutOff(Exception):
    pass


async def put(key, chunks):
    await obstore.put_async(store, key, chunks, chunk_size=PART)


async def write(key, chunks):
    async with obstore.open_writer_async(store, key, buffer_size=PART) as writer:
        async for chunk in chunks:
            await writer.write(chunk)


async def left(how, count, cancelled):
    """The bytes by part that stay in the store after `how` sent `count` whole parts, and 1,000 bytes, and broke off."""
    uploads.clear()
    stalled, over = asyncio.Event(), asyncio.Event()

    async def chunks():
        for _ in range(count):
            yield bytes(PART)
        yield bytes(1000)
        if not cancelled:
            raise CutOff
        stalled.set()
        await over.wait()

    task = asyncio.create_task(how("key", chunks()))
    if cancelled:
        await stalled.wait()
        # Until the parts are there, so that what is seen does not hang on the moment.
        await asyncio.to_thread(until, lambda: sum(map(len, uploads.values())) >= count, 20)
        task.cancel()
    try:
        await task
    except (CutOff, asyncio.CancelledError):
        pass
    await asyncio.to_thread(until, lambda: not uploads, 3)  # an abort may still be on its way
    stay = list(map(dict, uploads.values()))
    over.set()
    return stay


def until(condition, seconds):
    with changes:
        changes.wait_for(condition, seconds)


async def main():
    print("obstore", version("obstore"))
    seen = {}
    for how, name in ((put, "put_async"), (write, "open_writer_async")):
        for count in (0, 2):
            for cancelled in (False, True):
                stays = await left(how, count, cancelled)
                seen[name, count, cancelled] = [sum(parts.values()) for parts in stays]
                print(f"  {name}, {count * PART + 1000:,} bytes, {'cancelled' if cancelled else 'the source raises'}:"
                      f" uploads left open: {len(stays)}" + "".join(f", of {sum(parts.values()):,} bytes" for parts in stays))
    expected = {key: [] for key in seen} | {("put_async", 0, True): [0], ("put_async", 2, True): [2 * PART]}
    if seen != expected:
        sys.exit("It has changed: other uploads stay open than this script says.")


asyncio.run(main())
PYTHON
