"""A history of what a client did and saw, for checkers: one record for each thing, with a monotonic time and the
connection's number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import IO, Any, NamedTuple

from pydantic_core import to_json

from shared.client import Client, Closed
from shared.client.core import events
from shared.client.core.events import Change, Entry, Event, JsonFrame, RoomChange, Standing, entry_of
from shared.client.core.standing import standing_of

ENTRIES = ("chat", "file", "edit", "delete", "react", "pin", "invite", "remove", "role", "settings")
"""Frames that an entry comes of."""
MAKING = ("create", "direct")
"""Frames that a room comes of."""
GIVEN = (
    "of", "emoji", "on", "reply_to", "thread", "user", "role", "title", "topic", "posting", "invites", "keep_days",
    "archived",
)  # fmt: skip


class Record(NamedTuple):
    """`at`: seconds of the loop's monotonic clock, comparable on one machine. `connection`: counts the client's
    connections from 1.

    By `kind`, in `fields`:
    `open` url session epoch user · `close` code reason retry_in_s · `stop`
    `write` room id … (taken into the outbox, once) · `send` room id (goes out, perhaps again) · `ack` room id seq ·
    `refused` room id code (for good) · `error` ref code ·
    `make` what id title users (a room is to be made, once) · `leave` room (it is asked to be let go) ·
    `notify` room level ref, `read` room seq (the frames go out) · `level` room level ref (it is so; `ref`: of the
    frame that set it, None where it came by itself)
    `receive` room seq id sender via as_of asked … (each copy; `via`: `live`, `joined` or `history`; `as_of`: it holds
    all changes up to there; `asked`: when its question went out, None where it came by itself) ·
    `show` room seq id sender what (once, in order) ·
    `skipped` room first last through catch_up (passed over after an absence) ·
    `joined` room seq as_of fresh members online stands makes (`fresh`: asked for without `after`; `stands`: see
    `standing`; `makes`: the id of the `make` that it answers) ·
    `caught_up` room seq · `presence` room user online members · `left` room by ·
    `epoch` epoch · `went_back` room (the store has less of it than it had: it is known anew) ·
    `state` room whole messages stands read_seq unread (the messages that are held, each with its `seq` and …; at the
    end; `unread`: {messages, mentions}, None where the client cannot tell)

    … stands for what an entry says, see `content`.
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


def content(entry: Entry) -> dict[str, Any]:
    """`what` kind of entry it is, its `text` (empty where it has none), and what else it says: of a message `reply_to`,
    `edited_at`, `pinned`, `reactions` (as in a frame), `thread`, `replies`, `mentions` (likewise), `about` (a room's
    name), and `calls` {of, thread, why} of one that calls, of a change `of`, `emoji`, `on`, `mentions`, of one of the
    room `user`, `role`, and what was set. What says nothing is left out."""
    said: dict[str, Any] = {"what": entry.kind, "text": "" if isinstance(entry, RoomChange) else entry.text or ""}
    more: dict[str, Any]
    if isinstance(entry, RoomChange):
        more = {**entry.settings}
        if entry.user is not None:
            more |= {"user": entry.user.id, "role": entry.user.role}
    elif isinstance(entry, Change):
        more = {"of": entry.of, "mentions": list(entry.mentions) or None}
        if entry.kind in ("react", "pin"):
            more |= {"emoji": entry.emoji or None, "on": entry.on}
    else:
        reactions = [{"emoji": emoji, "users": list(users)} for emoji, users in entry.reactions]
        about = entry.about
        called = {} if about is None else {"of": about.of, "thread": about.thread, "why": about.why or None}
        calls = {name: value for name, value in called.items() if value is not None}
        total, last_seq, last_at = entry.replies or (0, 0, "")
        replies = {"count": total, "last_seq": last_seq, "last_at": last_at} if total else None
        more = {
            "reply_to": entry.reply_to, "thread": entry.thread, "mentions": list(entry.mentions) or None,
            "replies": replies, "edited_at": entry.edited_at, "pinned": entry.pinned or None,
            "reactions": reactions or None, "about": None if about is None else about.room, "calls": calls or None,
        }  # fmt: skip
    return said | {name: value for name, value in more.items() if value is not None}


def stored(entry: Entry) -> dict[str, Any]:
    """The record of an entry as `history` gives it to who reads the whole log at the end."""
    return {
        "kind": "stored", "room": entry.room, "seq": entry.seq, "id": entry.id, "sender": entry.sender_id,
        "made": entry.at, **content(entry),
    }  # fmt: skip


def summed_up(summary: JsonFrame) -> dict[str, Any]:
    """What the list of rooms says of one room that is a person's own; `mentions` and `notify` also where they say
    nothing."""
    said = {name: summary[name] for name in ("room", "seq", "read_seq", "unread")}
    return said | {"mentions": summary.get("mentions", 0), "notify": summary.get("notify", "all")}


def standing(standing: Standing | None) -> dict[str, Any] | None:
    """`as_of`, what holds, one's own `role`, and of a private room `people`: the role of each member."""
    if standing is None:
        return None
    people = None if standing.people is None else {id: person.role for id, person in standing.people.items()}
    said = standing._asdict() | {"people": people}
    return {name: value for name, value in said.items() if name != "me"}


def record_state(client: Client, recorder: Recorder) -> None:
    """Takes down what the client holds of each of its rooms."""
    at = asyncio.get_running_loop().time()
    for room in client.session.rooms.values():
        held = [{"seq": message.seq, **content(message)} for message in room.log.messages]
        stands = standing(room.log.standing)
        unread = room.unread(client.session.user_id)
        fields = {
            "room": room.name, "whole": room.log.whole, "messages": held, "stands": stands,
            "read_seq": room.marks.read_seq, "unread": None if unread is None else unread._asdict(),
        }  # fmt: skip
        recorder(Record(at, client.name, client.connection, "state", fields))


def recorded(client: Client, recorder: Recorder | None) -> Client:
    """The same client; `recorder`, if any, is told all that it does and sees from now on."""
    if recorder is not None:
        client.observe(History(recorder, client))
    return client


class History:
    """Turns what happens to a client into records. An `Observer`."""

    def __init__(self, recorder: Recorder, client: Client) -> None:
        self._recorder, self._client = recorder, client
        self._asked: dict[str, tuple[float, JsonFrame]] = {}
        """Questions by their `ref`, and when they went out."""

    def event(self, event: Event) -> None:
        match event:
            case events.Connected(_, url, session, epoch):
                welcome = self._client.welcome or {}
                self._put("open", url=url, session=session, epoch=epoch, user=welcome["user"]["id"])
            case events.Lost(code, reason, retry_in_s):
                self._asked.clear()
                self._put("close", code=int(code), reason=reason, retry_in_s=retry_in_s)
            case events.Arrived(message):
                self._shown(message)
            case events.Changed(_, change, _):
                self._shown(change)
            case events.RoomChanged(_, room_change, _):
                self._shown(room_change)
            case events.Skipped(room, first, last, through):
                catch_up = self._client.options.catch_up
                self._put("skipped", room=room, first=first, last=last, through=through, catch_up=catch_up)
            case events.Acknowledged(entry):
                self._put("ack", room=entry.room, id=entry.id, seq=entry.seq)
            case events.NotSent(room, id, error):
                self._put("refused", room=room, id=id, code=error.code)
            case events.CaughtUp(room, seq):
                self._put("caught_up", room=room, seq=seq)
            case events.PresenceChanged(room, user, online, members):
                self._put("presence", room=room, user=user, online=online, members=members)
            case events.Left(room, by):
                self._put("left", room=room, by=None if by is None else by.id)
            case events.EpochChanged(epoch):
                self._put("epoch", epoch=epoch)
            case events.WentBack(room):
                self._put("went_back", room=room)

    def received(self, frame: JsonFrame) -> None:
        match frame["type"]:
            case "message" | "change":
                self._copy(frame, "live", frame["seq"], None)
            case "joined":
                asked, question = self._asked.pop(frame.get("ref", ""), (None, {}))
                makes = question["id"] if question.get("type") in MAKING else None
                # What makes a room that is known already begins nothing.
                fresh = "after" not in question and not (makes and frame["room"] in self._client.session.rooms)
                self._joined(frame, asked, fresh, makes)
            case "resumed":
                asked, _ = self._asked.get(frame.get("ref", ""), (None, {}))
                for room in frame["rooms"]:
                    if "error" not in room:
                        self._joined(room, asked, False, None)
            case "history":
                asked, _ = self._asked.pop(frame.get("ref", ""), (None, {}))
                for entry in frame["messages"]:
                    self._copy(entry, "history", frame["seq"], asked)
            case "notify":
                self._put("level", room=frame["room"], level=frame["level"], ref=frame.get("ref"))
            case "error":
                self._asked.pop(frame.get("ref", ""), None)
                self._put("error", ref=frame.get("ref"), code=frame["code"])

    def wrote(self, frame: JsonFrame) -> None:
        if frame["type"] in MAKING:
            title = frame.get("title", "")
            self._put("make", what=frame["type"], id=frame["id"], title=title, users=frame["users"])
            return
        said = {name: frame[name] for name in GIVEN if name in frame}
        if frame.get("mentions"):
            said["mentions"] = sorted(set(frame["mentions"]))
        self._put("write", room=frame["room"], id=frame["id"], what=frame["type"], text=frame.get("text", ""), **said)

    def sending(self, frame: JsonFrame) -> None:
        if frame["type"] in ENTRIES:
            self._put("send", room=frame["room"], id=frame["id"])
        elif frame["type"] in ("join", "resume", "history", *MAKING) and "ref" in frame:
            self._asked[frame["ref"]] = asyncio.get_running_loop().time(), frame
        elif frame["type"] == "notify":
            self._put("notify", room=frame["room"], level=frame["level"], ref=frame.get("ref"))
        elif frame["type"] == "read":
            self._put("read", room=frame["room"], seq=frame["seq"])
        elif frame["type"] == "leave":
            self._put("leave", room=frame["room"])

    def ended(self, closed: Closed) -> None:
        record_state(self._client, self._recorder)
        self._put("stop")

    def _shown(self, entry: Entry) -> None:
        self._put("show", room=entry.room, seq=entry.seq, id=entry.id, sender=entry.sender_id, what=entry.kind)

    def _joined(self, room: JsonFrame, asked: float | None, fresh: bool, makes: str | None) -> None:
        as_of: int = room["as_of"] if "as_of" in room else room["seq"]
        if makes or room["room"] in self._client.session.rooms:  # else it was left meanwhile
            self._put(
                "joined", room=room["room"], seq=room["seq"], as_of=as_of, fresh=fresh,
                members=room["members"], online=[user["id"] for user in room["online"]],
                stands=standing(standing_of(room, self._client.session.user_id)), makes=makes,
            )  # fmt: skip
        for entry in room["messages"]:
            self._copy(entry, "joined", as_of, asked)

    def _copy(self, frame: JsonFrame, via: str, as_of: int, asked: float | None) -> None:
        entry = entry_of(frame)
        self._put(
            "receive", room=entry.room, seq=entry.seq, id=entry.id, sender=entry.sender_id, via=via,
            as_of=max(as_of, entry.seq), asked=asked, **content(entry),
        )  # fmt: skip

    def _put(self, kind: str, **fields: Any) -> None:
        at = asyncio.get_running_loop().time()
        self._recorder(Record(at, self._client.name, self._client.connection, kind, fields))
