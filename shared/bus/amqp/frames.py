"""The frames of AMQP 0-9-1 that every batch passes, written and read without I/O: publish, deliver, return, ack and
confirm (specification 2.3.5 and 4.2; confirms: RabbitMQ's extension). All else is left to aiormq; how the broker ends
a connection is read here as well.

aiormq spends some 0.25 ms on each message that it publishes or delivers, in locks, tasks and time-outs. What is done
here costs a tenth of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
END: Final = b"\xce"
HEARTBEAT_FRAME: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"
OVERHEAD: Final = 8
"""Bytes of a frame around its payload."""

_FRAME = Struct(">BHI")
_METHOD = Struct(">HH")
_SIZE = Struct(">HHQ")
_TAG = Struct(">Q")
_ACK = Struct(">BHIHHQBB")
_HEADER = Struct(">BHIHHQHBB")
_MODE_AND_ID = 1 << 12 | 1 << 7
_CONNECTION, _CLOSE = 10, 50
_BASIC = 60
_ACKED, _NACKED, _DELIVER, _RETURN = 80, 120, 60, 50


class Message(NamedTuple):
    """What is published: to a queue by its name (`key`, with no `exchange`), or to an exchange. `durable`: it
    outlives the broker's restart.
    """

    exchange: str
    key: str
    body: bytes
    durable: bool
    headers: Mapping[str, str] | None = None


class Delivered(NamedTuple):
    """basic.deliver with its content."""

    tag: int
    redelivered: bool
    routing_key: str
    body: bytes


class Returned(NamedTuple):
    """basic.return: there was no queue for the message of this id. Its confirm follows."""

    message_id: str


class Confirmed(NamedTuple):
    """basic.ack or basic.nack of what was published: `tag`, or all up to it."""

    tag: int
    multiple: bool
    taken: bool


class Closed(NamedTuple):
    """connection.close: the broker ends the connection, and says why. aiormq gets it, too."""

    code: int
    text: str


Event = Delivered | Returned | Confirmed | Closed


def publish(channel: int, message: Message, message_id: str, frame_bytes: int) -> list[bytes]:
    """basic.publish and its content, in pieces to be written one after the other. `message_id` comes back with a
    basic.return. `frame_bytes`: the largest frame that was agreed on, its overhead included.
    """
    body = message.body
    pieces = [_publish_method(channel, message.exchange, message.key), _header(channel, message, message_id)]
    room = frame_bytes - OVERHEAD
    for at in range(0, len(body), room):
        part = body if len(body) <= room else body[at : at + room]
        pieces += (_FRAME.pack(BODY, channel, len(part)), part, END)
    return pieces


def _header(channel: int, message: Message, message_id: str) -> bytes:
    mode = 2 if message.durable else 1
    if message.headers:
        properties = Basic.Properties(delivery_mode=mode, message_id=message_id, headers=dict(message.headers))
        return marshal(ContentHeader(0, len(message.body), properties), channel)
    name = message_id.encode()
    return b"".join(
        (
            _HEADER.pack(HEADER, channel, 16 + len(name), _BASIC, 0, len(message.body), _MODE_AND_ID, mode, len(name)),
            name,
            END,
        )
    )


@lru_cache(maxsize=1_024)
def _publish_method(channel: int, exchange: str, key: str) -> bytes:
    """To a queue by its name a message is `mandatory`: a queue that is gone is told. An exchange takes whoever is
    there.
    """
    return marshal(Basic.Publish(exchange=exchange, routing_key=key, mandatory=not exchange), channel)


def ack(channel: int, tag: int) -> bytes:
    """basic.ack of `tag` and all before it."""
    return _ACK.pack(METHOD, channel, 13, _BASIC, _ACKED, tag, 1, END[0])


class Cutter:
    """Cuts a byte stream into frames, and takes out what this file is about."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun: Delivered | Returned | None = None
        self._missing = -1
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> tuple[list[Event], bytes]:
        """What arrived whole, in order, and the bytes of all other frames, whole ones only."""
        if self._rest:
            data = self._rest + data
        events: list[Event] = []
        others: list[bytes] = []
        at, end = 0, len(data)
        if data[:1] == b"A":  # a protocol header: the broker wants another version, and will close
            self._rest = b""
            return events, data
        while end - at >= OVERHEAD:
            kind, _, size = _FRAME.unpack_from(data, at)
            after = at + size + OVERHEAD
            if after > end:
                break
            if not self._take(kind, data, at + 7, after - 1, events):
                others.append(data[at:after])
            at = after
        self._rest = data[at:]
        return events, b"".join(others)

    def _take(self, kind: int, data: bytes, at: int, end: int, events: list[Event]) -> bool:
        if kind == METHOD:
            family, method = _METHOD.unpack_from(data, at)
            if family != _BASIC:
                if (family, method) == (_CONNECTION, _CLOSE):
                    text = data[at + 7 : at + 7 + data[at + 6]]
                    events.append(Closed(int.from_bytes(data[at + 4 : at + 6]), text.decode(errors="replace")))
                return False
            if method == _DELIVER:
                self._begun, self._missing = _deliver(data, at + 4), -1
            elif method == _RETURN:
                self._begun, self._missing = Returned(""), -1
            elif method in (_ACKED, _NACKED):
                (tag,) = _TAG.unpack_from(data, at + 4)
                events.append(Confirmed(tag, bool(data[at + 12] & 1), method == _ACKED))
            else:
                return False
            return True
        if self._begun is None or kind not in (HEADER, BODY):
            return False
        if kind == HEADER:
            self._missing = _SIZE.unpack_from(data, at)[2]
            self._parts = []
            if isinstance(self._begun, Returned):
                header = ContentHeader()
                header.unmarshal(data[at:end])
                self._begun = Returned(str(header.properties.message_id or ""))
        else:
            self._parts.append(data[at:end])
            self._missing -= end - at
        if self._missing <= 0:
            begun, self._begun = self._begun, None
            if isinstance(begun, Delivered):
                parts = self._parts
                begun = begun._replace(body=parts[0] if len(parts) == 1 else b"".join(parts))
            events.append(begun)
        return True


def _deliver(data: bytes, at: int) -> Delivered:
    """The arguments of basic.deliver: consumer tag, delivery tag, redelivered, exchange, routing key."""
    at += 1 + data[at]
    (tag,) = _TAG.unpack_from(data, at)
    redelivered = bool(data[at + 8] & 1)
    at += 9
    at += 1 + data[at]
    return Delivered(tag, redelivered, data[at + 1 : at + 1 + data[at]].decode(), b"")
