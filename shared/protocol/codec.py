"""How a batch is written down on the bus, and how frames become bytes.

A body is: the length of the head (4 bytes, big-endian), the head (`bus.Envelope` as JSON), the payload. The payload
holds the frames of `Fanout` and `Direct`, already rendered, one after the other in the order of the messages: nobody on
the way parses them again. A gateway likewise splices a client's frame into its `Submit` as it came, once it has been
checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from shared.protocol.bus import Envelope
from shared.protocol.client import Frame
from shared.protocol.names import CHECKED_NAMES
from shared.protocol.server import ServerBase, User

_LENGTH = Struct(">I")
_ENVELOPE: TypeAdapter[Envelope] = TypeAdapter(Envelope)


class Malformed(Exception):
    """A bus body that cannot be read: it goes to the dead-letter queue with this reason."""


def encode(
    source: str, parts: Iterable[bytes], payload: Iterable[bytes] = (), sequence: int = 0, epoch: str | None = None
) -> bytes:
    """A body of `parts`, each a bus message as `pack` gives it, and of rendered frames."""
    fields = to_json(source), sequence, to_json(epoch), b",".join(parts)
    head = b'{"source":%b,"n":%d,"epoch":%b,"messages":[%b]}' % fields
    return b"".join((_LENGTH.pack(len(head)), head, *payload))


def decode(body: bytes) -> tuple[Envelope, memoryview]:
    """The head and the payload of `body`. Raises `Malformed`."""
    try:
        (size,) = _LENGTH.unpack_from(body)
        view = memoryview(body)
        if size > len(body) - _LENGTH.size:
            raise Malformed("the head is longer than the body")
        return _ENVELOPE.validate_json(bytes(view[_LENGTH.size : _LENGTH.size + size])), view[_LENGTH.size + size :]
    except ValidationError as why:
        first = why.errors(include_url=False, include_input=False)[0]
        raise Malformed(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except Exception as why:
        raise Malformed(str(why)) from None


def pack(message: Frame) -> bytes:
    """One bus message, as it stands in the head of a body."""
    return message.__pydantic_serializer__.to_json(message, exclude_none=True, by_alias=True)


def submit_prefix(address: str, session: str, user: User) -> bytes:
    """What precedes a checked client frame in its `Submit`; the same for all frames of a session. Close with `b"}"`."""
    return b'{"type":"submit","address":%b,"session":%b,"user":%b,"frame":' % (
        to_json(address),
        to_json(session),
        pack(user),
    )


def render(frame: ServerBase) -> bytes:
    """A server frame as it goes to the client: compact JSON, `type` first, unset fields left out."""
    # Fields of a base class come first in pydantic's order; the wire promises `type`.
    fields = frame.__pydantic_serializer__.to_python(frame, mode="json", exclude_none=True, by_alias=True)
    kind, ref = fields.pop("type"), fields.pop("ref", None)
    return to_json({"type": kind, **fields} if ref is None else {"type": kind, **fields, "ref": ref})


def render_message(
    room: str,
    seq: int,
    id: str,
    kind: str,
    sender_id: str,
    sender_name: str,
    at_ms: int,
    content: str,
    ref: str | None = None,
    more: bytes = b"",
) -> bytes:
    """A `message` frame. `content` is the text of a chat, else JSON (of a `StoredFile`, an `About`, a `Device`), or of
    a deleted message empty. `more`: further fields as `more_of` gives them. The hot path: once a message.
    """
    return b'{"type":"message","room":%b,"seq":%d,"id":%b,"kind":"%b","from":{"id":%b,"name":%b},"at":"%b"%b%b%b}' % (
        _quoted(room),
        seq,
        to_json(id),
        kind.encode(),
        _quoted(sender_id),
        _quoted(sender_name),
        timestamp(at_ms).encode(),
        b',"text":' + to_json(content) if kind == "chat" else _object(kind, content) if content else b"",
        more,
        b"" if ref is None else b',"ref":' + to_json(ref),
    )


def _object(kind: str, content: str) -> bytes:
    field = b"file" if kind == "file" else b"device" if kind == "signed_in" else b"about"
    return b',"%b":' % field + content.encode()


def more_of(fields: dict[str, Any]) -> bytes:
    """Fields that follow others in an object."""
    return b"," + to_json(fields)[1:-1] if fields else b""


def render_change(
    room: str, seq: int, id: str, kind: str, sender_id: str, sender_name: str, at_ms: int, of: int | None, more: bytes
) -> bytes:
    """A `change` frame, of the message `of` or of the room itself; `more` as above."""
    fields = b'"room":%b,"seq":%d,"id":%b,"kind":"%b","from":{"id":%b,"name":%b},"at":"%b"%b%b' % (
        _quoted(room),
        seq,
        to_json(id),
        kind.encode(),
        _quoted(sender_id),
        _quoted(sender_name),
        timestamp(at_ms).encode(),
        b"" if of is None else b',"of":%d' % of,
        more,
    )
    return b'{"type":"change",%b}' % fields


@lru_cache(maxsize=CHECKED_NAMES)
def _quoted(name: str) -> bytes:
    """The JSON of a room's or a user's name, or of a user's id."""
    return to_json(name)


def listed(frame: bytes) -> bytes:
    """A rendered `message` or `change` as `joined`, `history` and `rooms` list it: its `kind` implies the `type`."""
    return b"{" + frame[frame.index(b",") + 1 :]


@lru_cache(maxsize=16)  # a batch has one time
def timestamp(ms: int) -> str:
    """Unix milliseconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
