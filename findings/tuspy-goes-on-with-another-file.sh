#!/usr/bin/env bash
# tuspy: an upload that broke off is gone on with from another file, if both begin alike and are equally long.
#
# Guess:    `store_url=True` remembers uploads by a digest of the file ("the file content", says its fingerprint), so what
#           is resumed is the rest of the same file.
# Happens:  the digest is of the first 64 KiB and the length. Two recordings that begin with silence, two disk images,
#           two of a tool's exports or databases of a fixed size are one to it: the upload of the second goes on at the
#           address and the offset of the first, and succeeds. What is then stored is the beginning of one and the end
#           of the other, under the first's name, and in the room that the first was for: the second's metadata is
#           never sent. Where the first upload was complete, the second sends no bytes at all, and succeeds as well.
# Seen:     tuspy 1.1.0 (PyPI, the tus project's own client for Python).
# Homin:    what it compares of two files is a digest of the whole (services/files/ingest.py). With tuspy: store_url only
#           with a fingerprinter of one's own.
# Needs:    Python 3.11 or later. The server is on 127.0.0.1, inside the script.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tuspy==1.1.0
FOLDER=$folder NO_PROXY=127.0.0.1 "$folder/venv/bin/python" - <<'PYTHON'
import base64
import http.server
import os
import sys
import threading
import wave
from importlib.metadata import version
from pathlib import Path

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

folder = Path(os.environ["FOLDER"])
uploads = []


class Tus(http.server.BaseHTTPRequestHandler):
    """tus 1.0.0: creation, HEAD, PATCH."""

    def _answer(self, status, **headers):
        self.send_response(status)
        for name, value in {"Tus-Resumable": "1.0.0", "Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def do_POST(self):
        pairs = dict(pair.split() for pair in self.headers["Upload-Metadata"].split(","))
        about = {key: base64.b64decode(value).decode() for key, value in pairs.items()}
        uploads.append((about, int(self.headers["Upload-Length"]), bytearray()))
        self._answer(201, Location=f"/uploads/{len(uploads) - 1}")

    def do_HEAD(self):
        _, length, data = self._upload()
        self._answer(200, Upload_Offset=len(data), Upload_Length=length)

    def do_PATCH(self):
        _, _, data = self._upload()
        assert int(self.headers["Upload-Offset"]) == len(data)
        data += self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(204, Upload_Offset=len(data))

    def _upload(self):
        return uploads[int(self.path.rsplit("/", 1)[1])]

    def log_message(self, *_):
        pass


def recording(name, sound):
    """Ten seconds, 8 kHz, 16 bits: five of silence, five of `sound`."""
    with wave.open(str(folder / name), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(80_000) + sound * 80_000)
    return folder / name


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tus)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = TusClient(f"http://127.0.0.1:{server.server_port}/uploads")


def uploader(path, room, storage):
    about = {"filename": path.name, "room": room}
    return client.uploader(str(path), chunk_size=100_000, metadata=about, store_url=True, url_storage=storage)


one, two, three = (recording(f"{name}.wav", sound) for name, sound in (("one", b"\1"), ("two", b"\2"), ("three", b"\3")))
storage = FileStorage(str(folder / "urls.json"))
uploader(one, "board", storage).upload_chunk()  # and then the program ends
uploader(two, "everybody", storage).upload()
uploader(three, "everybody", storage).upload()  # by now there is nothing left to send
storage.close()

print(f"tuspy {version('tuspy')}: 100,000 bytes of one.wav for the room board, then two.wav and three.wav for everybody")
for about, length, data in uploads:
    print(f"  the server has {about}: {len(data)} of {length} bytes")
    for path in (one, two, three):
        whole = path.read_bytes()
        print(f"    its first 100,000 are {path.name}'s: {data[:100_000] == whole[:100_000]},"
              f" the rest: {data[100_000:] == whole[100_000:]}")
mixture = one.read_bytes()[:100_000] + two.read_bytes()[100_000:]
if [(about["filename"], about["room"], bytes(data)) for about, _, data in uploads] != [("one.wav", "board", mixture)]:
    sys.exit("It has changed: the other files are uploaded otherwise than this script says.")
PYTHON
