"""How the load generator speaks to each system: what it sends, and by which bytes it knows what comes back."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any, Protocol


class Speech(Protocol):
    """`delivery`: these bytes are in each delivered message and in nothing else. `joined`: likewise, in the answer to
    a join. `welcomed`: a frame that begins so says that one may join; None where nobody has to wait for it.
    `path`: behind the server's address."""

    delivery: bytes
    joined: bytes
    welcomed: bytes | None
    path: str

    def opening(self, user: str, room: str) -> list[str]:
        """The first frames, sent at once."""

    def join(self, user: str, room: str) -> str:
        """Sent once `welcomed`."""

    def chat(self, room: str, text: str, id: str) -> str: ...


def _compact(frame: object) -> str:
    return json.dumps(frame, separators=(",", ":"))


class FirstDesign:
    """Node's `ws`, one process, all in memory: a base64 token, one room a client, no ids."""

    delivery = b'"type":"chat"'
    joined = b'"type":"joined"'
    welcomed = None
    path = ""

    def opening(self, user: str, room: str) -> list[str]:
        token = base64.b64encode(json.dumps({"username": user}).encode()).decode()
        return [_compact({"type": "auth", "token": token}), self.join(user, room)]

    def join(self, user: str, room: str) -> str:
        return _compact({"type": "join", "room": room})

    def chat(self, room: str, text: str, id: str) -> str:
        return _compact({"type": "chat", "room": room, "text": text})


class Homin:
    """docs/protocol.md: a signed token, then join, and chat with an id of the client's own. `tokens`: used in turn."""

    delivery = b'"type":"message"'
    joined = b'"type":"joined"'
    welcomed = b'{"type":"welcome"'
    path = ""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens: Iterator[str] = cycle(tokens)

    def opening(self, user: str, room: str) -> list[str]:
        return [_compact({"type": "auth", "token": next(self._tokens)})]

    def join(self, user: str, room: str) -> str:
        return _compact({"type": "join", "room": room})

    def chat(self, room: str, text: str, id: str) -> str:
        return _compact({"type": "chat", "room": room, "id": id, "text": text})


class SocketIO:
    """Socket.IO 5 over the WebSocket of Engine.IO 4, whose prefixes are written out: `40` opens the namespace, `42` is
    an event."""

    delivery = b'42["chat"'
    joined = b'42["joined"'
    welcomed = b"40{"
    path = "/socket.io/?EIO=4&transport=websocket"

    def opening(self, user: str, room: str) -> list[str]:
        return ["40"]

    def join(self, user: str, room: str) -> str:
        return "42" + _compact(["join", {"user": user, "room": room}])

    def chat(self, room: str, text: str, id: str) -> str:
        return "42" + _compact(["chat", {"room": room, "text": text}])


def speech(name: str, tokens: Sequence[str]) -> Speech:
    made: dict[str, Any] = {"first": FirstDesign, "homin": lambda: Homin(tokens), "socketio": SocketIO}
    spoken: Speech = made[name]()
    return spoken
