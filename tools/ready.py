"""The health check of a container: the process in it says that it may be given work.

Runs every few seconds in each container, so it imports next to nothing: a process of some 15 ms.
"""

from __future__ import annotations

import os
import socket
import sys


def main() -> int:
    # Where the process listens. On all addresses means on this machine's own, too.
    host, port = os.environ.get("HOMIN_HOST") or "127.0.0.1", int(os.environ.get("HOMIN_PORT") or "8080")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    answer = b""
    try:
        with socket.create_connection((host, port), timeout=3) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while len(answer) < 16_384 and (more := connection.recv(4096)):
                answer += more
    except OSError as why:
        print(f"Nothing answers at {host}, port {port}: {why}.")
        return 1
    # Shown by `docker inspect`: which check is not fine, and why.
    print(answer.partition(b"\r\n\r\n")[2].decode(errors="replace"))
    return 0 if answer.startswith(b"HTTP/1.1 200 ") else 1


if __name__ == "__main__":
    sys.exit(main())
