"""From rendered frames to the bytes of WebSocket messages (RFC 6455, 5.2), the same bytes for every connection.

Compression (permessage-deflate, RFC 7692) is agreed on without context takeover (7.1.1), so what is compressed once
serves everybody, and no connection keeps a window. Short messages go as they are, which the RFC allows for each of
them (6.1): compressed alone they save little and cost everybody's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from websockets.extensions.base import ServerExtensionFactory
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

WINDOW_BITS = 12
"""4 KiB of window: every client can read it (RFC 7692, 7.1.2.1), and it takes little memory to write."""
SETTINGS = {"memLevel": 5}
DEFLATE = PerMessageDeflate(True, True, WINDOW_BITS, WINDOW_BITS, SETTINGS)


class Framed:
    """Some frames, in order. `plain` and `deflated`: as they go over the wire, made when somebody needs them."""

    def __init__(self, payloads: Sequence[bytes], compress_from: int) -> None:
        self._payloads, self._compress_from = payloads, compress_from

    @cached_property
    def plain(self) -> bytes:
        return b"".join(Frame(Opcode.TEXT, payload).serialize(mask=False) for payload in self._payloads)

    @cached_property
    def deflated(self) -> bytes:
        """For connections that have agreed on it."""
        if all(len(payload) < self._compress_from for payload in self._payloads):
            return self.plain
        return b"".join(
            Frame(Opcode.TEXT, payload).serialize(
                mask=False, extensions=[DEFLATE] if len(payload) >= self._compress_from else []
            )
            for payload in self._payloads
        )


class Gathered(Framed):
    """What was framed apart, for one connection that gets all of it in one go."""

    def __init__(self, parts: Sequence[Framed]) -> None:
        self._parts = parts

    @cached_property
    def plain(self) -> bytes:
        return b"".join(part.plain for part in self._parts)

    @cached_property
    def deflated(self) -> bytes:
        return b"".join(part.deflated for part in self._parts)


class Framing:
    """`compress_from`: bytes from which on a frame is compressed; 0: compression is not offered."""

    def __init__(self, compress_from: int) -> None:
        self._compress_from = compress_from
        self.extensions: list[ServerExtensionFactory] = []
        if compress_from:
            # The client's own context would cost a window of memory for each connection: it is not wanted either.
            self.extensions.append(
                ServerPerMessageDeflateFactory(
                    server_no_context_takeover=True,
                    client_no_context_takeover=True,
                    server_max_window_bits=WINDOW_BITS,
                    compress_settings=SETTINGS,
                )
            )

    def framed(self, *payloads: bytes) -> Framed:
        return Framed(payloads, self._compress_from)

    def reads_deflated(self, protocol: ServerProtocol) -> bool:
        """Whether what is compressed here can be read there; a client may have asked for a smaller window."""
        return any(
            isinstance(e, PerMessageDeflate) and e.local_max_window_bits == WINDOW_BITS for e in protocol.extensions
        )
