"""Where a process listens, and what is said where it cannot.

Nothing but the standard library: `make run` looks with the same function before anything is installed.
"""

from __future__ import annotations

import errno
import socket


class CannotStart(Exception):
    """The process cannot run; the text tells the operator why, and what to do."""


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet: a taken port shows before anything else is started. CannotStart.

    `host`: an address or a name, of which the first address counts; empty: all of IPv4."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or "0.0.0.0",  # noqa: S104 (asked for)
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )[0]
        sock = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as why:  # UnicodeError: a label of a name is too long for IDNA
        raise CannotStart(f"HOMIN_HOST={host} is no address of this machine: {_reason(why)}.") from why
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address)
    except OSError as why:
        sock.close()
        raise CannotStart(_cannot_bind(host, port, why)) from why
    sock.setblocking(False)
    return sock


def address_of(sock: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (read, not bound)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _cannot_bind(host: str, port: int, why: OSError) -> str:
    if why.errno == errno.EADDRNOTAVAIL:
        return f"HOMIN_HOST={host} is no address of this machine: {_reason(why)}."
    place, other = f"Port {port} of {host or 'this machine'}", "Choose another by HOMIN_PORT (make run PORT=9000)."
    if why.errno == errno.EADDRINUSE:
        return f"{place} is taken by another program. {other}"
    if why.errno == errno.EACCES:
        return f"{place} may only be opened by root. {other}"
    return f"{place} cannot be used: {_reason(why)}. {other}"


def _reason(why: Exception) -> str:
    return (why.strerror if isinstance(why, OSError) else None) or str(why)
