"""A history of what a client did and saw, for checkers: one record for each thing, with a monotonic time and the
connection's number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import IO, Any, NamedTuple

from pydantic_core import to_json

from shared.client import Client, Closed
from shared.client.core import events
from shared.client.core.events import Event, JsonFrame


class Record(NamedTuple):
    """`at`: seconds of the loop's monotonic clock, comparable on one machine. `connection`: counts the client's
    connections from 1.

    By `kind`, in `fields`:
    `open` url session epoch user · `close` code reason retry_in_s · `stop`
    `write` room id text (taken into the outbox, once) · `send` room id (goes out, perhaps again) · `ack` room id seq ·
    `refused` room id code (for good) · `error` ref code
    `receive` room seq id sender text via (each copy; `live`, `joined` or `history`) · `show` room seq id sender
    (once, in order) ·
    `skipped` room first last catch_up (passed over after an absence) ·
    `joined` room seq members online · `caught_up` room seq · `presence` room user online members · `left` room ·
    `epoch` epoch · `went_back` room (the store has less of it than it had: it is known anew)
    """

    at: float
    client: str
    connection: int
    kind: str
    fields: dict[str, Any]


Recorder = Callable[[Record], None]


class JsonLines:
    """Writes each record as one line of JSON."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def __call__(self, record: Record) -> None:
        at, client, connection, kind, fields = record
        self._out.write(to_json({"at": at, "client": client, "connection": connection, "kind": kind, **fields}) + b"\n")


def recorded(client: Client, recorder: Recorder | None) -> Client:
    """The same client; `recorder`, if any, is told all that it does and sees from now on."""
    if recorder is not None:
        client.observe(History(recorder, client))
    return client


class History:
    """Turns what happens to a client into records. An `Observer`."""

    def __init__(self, recorder: Recorder, client: Client) -> None:
        self._recorder, self._client = recorder, client

    def event(self, event: Event) -> None:
        match event:
            case events.Connected(_, url, session, epoch):
                welcome = self._client.welcome or {}
                self._put("open", url=url, session=session, epoch=epoch, user=welcome["user"]["id"])
            case events.Lost(code, reason, retry_in_s):
                self._put("close", code=int(code), reason=reason, retry_in_s=retry_in_s)
            case events.Arrived(message):
                self._put("show", room=message.room, seq=message.seq, id=message.id, sender=message.sender_id)
            case events.Skipped(room, first, last):
                self._put("skipped", room=room, first=first, last=last, catch_up=self._client.options.catch_up)
            case events.Acknowledged(message):
                self._put("ack", room=message.room, id=message.id, seq=message.seq)
            case events.NotSent(room, id, error):
                self._put("refused", room=room, id=id, code=error.code)
            case events.CaughtUp(room, seq):
                self._put("caught_up", room=room, seq=seq)
            case events.PresenceChanged(room, user, online, members):
                self._put("presence", room=room, user=user, online=online, members=members)
            case events.Left(room):
                self._put("left", room=room)
            case events.EpochChanged(epoch):
                self._put("epoch", epoch=epoch)
            case events.WentBack(room):
                self._put("went_back", room=room)

    def received(self, frame: JsonFrame) -> None:
        match frame["type"]:
            case "message":
                self._copy(frame, "live")
            case "joined":
                online = [user["id"] for user in frame["online"]]
                self._put("joined", room=frame["room"], seq=frame["seq"], members=frame["members"], online=online)
                for message in frame["messages"]:
                    self._copy(message, "joined")
            case "history":
                for message in frame["messages"]:
                    self._copy(message, "history")
            case "error":
                self._put("error", ref=frame.get("ref"), code=frame["code"])

    def wrote(self, frame: JsonFrame) -> None:
        self._put("write", room=frame["room"], id=frame["id"], text=frame.get("text", ""))

    def sending(self, frame: JsonFrame) -> None:
        if frame["type"] in ("chat", "file"):
            self._put("send", room=frame["room"], id=frame["id"])

    def ended(self, closed: Closed) -> None:
        self._put("stop")

    def _copy(self, message: JsonFrame, via: str) -> None:
        self._put(
            "receive", room=message["room"], seq=message["seq"], id=message["id"], sender=message["from"]["id"],
            text=message.get("text", ""), via=via,
        )  # fmt: skip

    def _put(self, kind: str, **fields: Any) -> None:
        at = asyncio.get_running_loop().time()
        self._recorder(Record(at, self._client.name, self._client.connection, kind, fields))
