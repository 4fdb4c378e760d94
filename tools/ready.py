"""The health check of a container: the process in it says that it may be given work.

Runs every few seconds in each container, so it imports next to nothing: a process of some 15 ms.
"""

from __future__ import annotations

import os
import socket
import sys


def main() -> int:
    port = int(os.environ.get("HOMIN_PORT", "8080"))
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while len(answer) < 16_384 and (more := connection.recv(4096)):
                answer += more
    except OSError as why:
        print(f"Nothing answers on port {port}: {why}.")
        return 1
    # Shown by `docker inspect`: which check is not fine, and why.
    print(answer.partition(b"\r\n\r\n")[2].decode(errors="replace"))
    return 0 if answer.startswith(b"HTTP/1.1 200 ") else 1


if __name__ == "__main__":
    sys.exit(main())
