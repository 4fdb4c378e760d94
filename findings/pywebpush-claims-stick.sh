#!/usr/bin/env bash
# pywebpush 2.5.0 (PyPI): sends Web Push messages, signed with VAPID (RFC 8292).
# One would guess: `vapid_claims={"sub": "mailto:…"}` is read, so one dict of settings serves every subscriber.
# What happens: the call writes `aud` and `exp` into the caller's dict, and takes what stands there already. The next
#   message, to a subscriber at another push service, is signed with the first service's `aud`. RFC 8292, section 2
#   demands the origin of the service that is asked, so it refuses all but the first.
# What it means for chat: each call gets a dict of its own.
# Needs: Python 3.11 or later. The two push services are servers on 127.0.0.1 that the script starts.
set -euo pipefail
room=$(mktemp -d); trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/v"
"$room/v/bin/pip" install -qq --disable-pip-version-check pywebpush==2.5.0 PyJWT==2.15.1
"$room/v/bin/python" - <<'PY'
import base64
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pywebpush import webpush

audiences: dict[int, str] = {}


class PushService(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        token = self.headers["Authorization"].split("t=")[1].split(",")[0]
        audiences[self.server.server_port] = jwt.decode(token, options={"verify_signature": False})["aud"]
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


services = [HTTPServer(("127.0.0.1", 0), PushService) for _ in range(2)]
for service in services:
    threading.Thread(target=service.serve_forever, daemon=True).start()
vapid = Vapid02()
vapid.generate_keys()
browser = ec.generate_private_key(ec.SECP256R1()).public_key()
point = browser.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
claims: dict[str, str | int] = {"sub": "mailto:operator@example.org"}
for service in services:
    subscription = {
        "endpoint": f"http://127.0.0.1:{service.server_port}/push/1",
        "keys": {"p256dh": encoded(point), "auth": encoded(b"0123456789abcdef")},
    }
    webpush(subscription, "hi", vapid_private_key=vapid, vapid_claims=claims, ttl=60, timeout=5)
    service.shutdown()
origins = [f"http://127.0.0.1:{service.server_port}" for service in services]
first, second = (audiences[service.server_port] for service in services)
print(f"the caller's dict afterwards has: {sorted(claims)}")
print(f"first message: aud is its own service's: {first == origins[0]}")
print(f"second message: aud is its own service's: {second == origins[1]}, the first service's: {second == origins[0]}")
if (first, second) != (origins[0], origins[0]) or sorted(claims) != ["aud", "exp", "sub"]:
    sys.exit("This has changed: the claims no longer stick.")
PY
