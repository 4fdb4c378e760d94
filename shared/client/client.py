"""The client: a session over lasting connections. `async with Client([url], fixed(token)) as client: …`"""
# long: the whole of what a user of the client calls, one method for each, and what the connection tells it

from __future__ import annotations

import asyncio
import secrets
from asyncio import Future
from collections.abc import Callable, Sequence
from random import random as any_random
from types import TracebackType
from typing import Any, Self

from shared.client.connection import Connection
from shared.client.core import events
from shared.client.core.backfill import page_of
from shared.client.core.backoff import ABNORMAL
from shared.client.core.events import (
    Change,
    ClientError,
    Entry,
    Event,
    JsonFrame,
    Message,
    Page,
    Person,
    Refused,
    RoomChange,
)
from shared.client.core.marks import Unread
from shared.client.core.room import Room
from shared.client.core.session import Session
from shared.client.core.timers import Timers
from shared.client.futures import quiet_future
from shared.client.observer import Observer
from shared.client.options import DEFAULT, Options
from shared.client.socket import Closed, Dial, dial
from shared.client.stream import Stream
from shared.client.tokens import TokenSource
from shared.protocol.client import Level

Done = Callable[[JsonFrame | ClientError], None]


class Client:
    """`urls`: `ws://…/ws` of one or more gateways, the first of them first; after a lost connection the next.
    `random`: numbers in [0, 1). Everything happens on the loop on which `start` was called."""

    def __init__(
        self,
        urls: Sequence[str],
        token: TokenSource,
        *,
        name: str = "",
        options: Options = DEFAULT,
        dial: Dial = dial,
        random: Callable[[], float] = any_random,
        new_id: Callable[[], str] = lambda: secrets.token_hex(12),
    ) -> None:
        self.name, self.options = name, options
        self.ended: Closed | None = None
        timers = Timers()
        self.session = Session(self, timers, random, options)
        self._connection = Connection(
            urls, token, dial, self, timers, random, connect_s=options.connect_s, heartbeat_s=options.heartbeat_s
        )
        self._new_id = new_id
        self._readers: dict[Stream, None] = {}
        self._observers: list[Observer] = []
        self._acks: dict[str, Future[Any]] = {}
        self._waiting: list[Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    # ── life ──

    async def __aenter__(self) -> Self:
        self.start()
        await self.connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def start(self) -> None:
        """Connects, and stays connected until `stop`, or until the server says never to come back."""
        if self._task is None:
            self._connection.wind()
            self._task = asyncio.create_task(self._connection.run(), name=f"client:{self.name}")
            self._task.add_done_callback(self._broke)

    async def stop(self) -> None:
        """Says goodbye. What waits in the outbox is given up."""
        if self._task is not None:
            await self._connection.close()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end(Closed(1000, "stopped here"))

    async def connected(self) -> JsonFrame:
        """Waits for a welcome, and gives it. Raises `Closed` where there will be none."""
        await self.until(lambda: self.welcome is not None)
        assert self.welcome is not None
        return self.welcome

    @property
    def welcome(self) -> JsonFrame | None:
        """The present connection's, or None where there is none."""
        return self._connection.welcome

    @property
    def connection(self) -> int:
        """How many connections were begun."""
        return self._connection.number

    def cut(self) -> None:
        """Drops the present connection without a word, as a broken cable would, and comes back: for whoever knows that
        it is dead before the client can."""
        self._connection.cut()

    def hurry(self) -> None:
        """Does not wait for the next attempt any longer."""
        self._connection.hurry()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until `holds`; it is asked whenever something has happened here. Raises `Closed` once the client has
        ended."""
        while not holds():
            if self.ended is not None:
                raise self.ended
            happened = asyncio.get_running_loop().create_future()
            self._waiting.append(happened)
            await happened

    # ── what a user does ──

    def join(self, room: str, after: int | None = None) -> Future[JsonFrame]:
        """Stays in `room` from now on, over every connection; the future gives the first `joined`. `after`: know all of
        the room from there on (0: from its beginning). Without it: its newest 50 messages and what follows them, but
        see `Skipped`. Ends with `Refused`, or `Disconnected` where `stop` came first."""
        return self._ask(lambda done: self.session.join(room, after, done))

    def create(
        self, title: str, topic: str | None = None, users: Sequence[str] = (), id: str | None = None
    ) -> Future[JsonFrame]:
        """Makes a private room of these users, with oneself as the owner, and stays in it as after `join`; the future
        gives its `joined`, however many connections that takes: `room` is its name. It ends with `Refused`."""
        about = {"title": title} if topic is None else {"title": title, "topic": topic}
        return self._make({"type": "create", "id": id or self._new_id(), **about, "users": list(users)})

    def direct(self, users: Sequence[str], id: str | None = None) -> Future[JsonFrame]:
        """As `create`: the room of exactly these users and oneself, made where it is not there yet."""
        return self._make({"type": "direct", "id": id or self._new_id(), "users": list(users)})

    def leave(self, room: str) -> Future[JsonFrame]:
        """Ends the membership. The future may end with any `ClientError`."""
        return self._ask(lambda done: self.session.leave(room, done))

    def rooms(self) -> Future[JsonFrame]:
        """The `rooms` frame. Each room's `mentions` is left out where it is 0, its `notify` where it is `all`."""
        return self._ask(lambda done: self.session.ask({"type": "rooms"}, done))

    async def people(self, q: str) -> list[Person]:
        """Users whose names begin with `q`. Raises `ClientError`."""
        answer = await self._ask(lambda done: self.session.ask({"type": "people", "q": q}, done))
        return [Person(user["id"], user["name"], None) for user in answer["people"]]

    async def history(
        self,
        room: str,
        *,
        before: int | None = None,
        after: int | None = None,
        thread: int | None = None,
        limit: int = 50,
    ) -> Page:
        """One page: messages alone, or with `after` all entries. `thread`: the messages under this one alone, the
        newest of them, or with `after` the first after it. Raises `ClientError`."""
        given = {"before": before, "after": after, "thread": thread}
        bounds = {name: seq for name, seq in given.items() if seq is not None}
        frame = {"type": "history", "room": room, "limit": limit, **bounds}
        return page_of(await self._ask(lambda done: self.session.ask(frame, done)))

    def chat(
        self,
        room: str,
        text: str,
        id: str | None = None,
        *,
        reply_to: int | None = None,
        thread: int | None = None,
        mentions: Sequence[str] = (),
    ) -> Future[Message]:
        """Writes `text`; the future gives the message once it is stored, however many connections that takes. It ends
        with `Refused` where the server will not take it. `reply_to`: the `seq` of a message that this one answers;
        `thread`: of the one under which it is to stand, which stands under none (else `forbidden`); `mentions`: the ids
        of up to 50 members whom it calls. Join the room first."""
        given = {"reply_to": reply_to, "thread": thread, "mentions": list(mentions) or None}
        said = {name: value for name, value in given.items() if value is not None}
        return self._write({"type": "chat", "room": room, "id": id or self._new_id(), "text": text, **said})

    def send_file(self, room: str, name: str, data: str, id: str | None = None) -> Future[Message]:
        """As `chat`; `data` is a data URL (RFC 2397) in base64."""
        return self._write({"type": "file", "room": room, "id": id or self._new_id(), "name": name, "data": data})

    def edit(
        self, room: str, of: int, text: str, id: str | None = None, *, mentions: Sequence[str] = ()
    ) -> Future[Change]:
        """Gives the message with the `seq` `of`, one's own, another text, and `mentions` in place of those that it had;
        the future gives the change once it is stored. It ends as that of `chat`, with the code `no_such_message` where
        there is no such message any more."""
        said: JsonFrame = {"mentions": list(mentions)} if mentions else {}
        return self._change("edit", room, id, of=of, text=text, **said)

    def delete(self, room: str, of: int, id: str | None = None) -> Future[Change]:
        """As `edit`: of one's own message nothing is left but its place."""
        return self._change("delete", room, id, of=of)

    def react(self, room: str, of: int, emoji: str, on: bool = True, id: str | None = None) -> Future[Change]:
        """As `edit`, of anybody's message: sets `emoji`, or takes it back."""
        return self._change("react", room, id, of=of, emoji=emoji, on=on)

    def pin(self, room: str, of: int, on: bool = True, id: str | None = None) -> Future[Change]:
        """As `react`."""
        return self._change("pin", room, id, of=of, on=on)

    def invite(self, room: str, user: str, id: str | None = None) -> Future[RoomChange]:
        """Makes the user a member of `room`; as `edit` otherwise, with the codes `forbidden` and `no_such_user`."""
        return self._change("invite", room, id, user=user)

    def remove(self, room: str, user: str, id: str | None = None) -> Future[RoomChange]:
        """As `invite`: ends a membership, perhaps one's own."""
        return self._change("remove", room, id, user=user)

    def give_role(self, room: str, user: str, role: str, id: str | None = None) -> Future[RoomChange]:
        """As `invite`. `role`: `owner`, `moderator` or `member`."""
        return self._change("role", room, id, user=user, role=role)

    def set(
        self,
        room: str,
        *,
        title: str | None = None,
        topic: str | None = None,
        posting: str | None = None,
        invites: str | None = None,
        keep_days: int | None = None,
        archived: bool | None = None,
        id: str | None = None,
    ) -> Future[RoomChange]:
        """As `invite`: sets what holds in `room`. What is None stays. An empty `topic`: none; `posting`, `invites`: who
        may, `members` or `moderators`; `keep_days`: what is older goes, 0: as the deployment says."""
        given = {
            "title": title, "topic": topic, "posting": posting, "invites": invites, "keep_days": keep_days,
            "archived": archived,
        }  # fmt: skip
        said = {name: value for name, value in given.items() if value is not None}
        return self._change("settings", room, id, **said)

    def typing(self, room: str) -> None:
        self.send({"type": "typing", "room": room})

    def read(self, room: str, seq: int) -> None:
        self.send({"type": "read", "room": room, "seq": seq})

    def notify(self, room: str, level: Level) -> Future[JsonFrame]:
        """Sets of what in the room this user is alerted, on all devices: `all`, `mentions` or `none`. The future gives
        the `notify` frame. It may end with any `ClientError`."""
        return self._ask(lambda done: self.session.ask({"type": "notify", "room": room, "level": level}, done))

    def unread(self, room: str) -> Unread | None:
        """What this user has not read of a room that was joined; None where that cannot be told from what is held here:
        the mark was never said (`rooms` says it), or what follows it is not all here. Raises KeyError."""
        return self.session.rooms[room].unread(self.session.user_id)

    def room(self, name: str) -> Room:
        """What is known of a room that was joined. Raises KeyError."""
        return self.session.rooms[name]

    async def caught_up(self, room: str, seq: int = 0) -> None:
        """Waits until `room` is joined, its log whole at least up to `seq`, and nothing known to be missing."""

        def whole() -> bool:
            known = self.session.rooms.get(room)
            return known is not None and known.joined and known.log.is_whole and known.log.whole >= seq

        await self.until(whole)

    def events(self) -> Stream:
        """All events from this call on. Ends when the client has ended."""
        stream = Stream(self._readers)
        if self.ended is not None:
            stream.end()
        return stream

    def observe(self, observer: Observer) -> None:
        """Tells `observer` all that happens from now on."""
        self._observers.append(observer)

    # ── what the session needs ──

    def send(self, frame: JsonFrame) -> bool:
        """Queues any frame, as it is, for the present connection; False where none is welcomed."""
        return self._connection.send(frame)

    def emit(self, event: Event) -> None:
        for observer in self._observers:
            observer.event(event)
        for stream in self._readers:
            stream.put(event)

    def settled(self, id: str, outcome: Entry | Refused) -> None:
        future = self._acks.pop(id, None)
        if future is None or future.done():
            return
        if isinstance(outcome, Refused):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    # ── what the connection says ──

    def opened(self, welcome: JsonFrame, url: str) -> None:
        self.emit(events.Connected(self.connection, url, welcome["session"], welcome["epoch"]))
        self.session.welcomed(welcome)
        self._happened()

    def received(self, frame: JsonFrame) -> None:
        for observer in self._observers:
            observer.received(frame)
        self.session.receive(frame)
        self._happened()

    def sending(self, frame: JsonFrame) -> None:
        for observer in self._observers:
            observer.sending(frame)

    def disconnected(self) -> None:
        self.session.disconnected()

    def lost(self, closed: Closed, retry_in_s: float | None) -> None:
        self.emit(events.Lost(closed.code, closed.reason, retry_in_s))
        if retry_in_s is None:
            self._end(closed)
        self._happened()

    async def keep_up(self) -> None:
        for stream in list(self._readers):
            await stream.room(self.options.stream)

    # ── the rest ──

    def _ask(self, ask: Callable[[Done], None]) -> Future[Any]:
        future: Future[Any] = quiet_future()

        def done(answer: JsonFrame | ClientError) -> None:
            if future.done():
                return
            if isinstance(answer, ClientError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

        if self.ended is not None:
            done(events.Disconnected(str(self.ended)))
            return future
        self._connection.wind()
        ask(done)
        self._connection.arm()
        return future

    def _make(self, frame: JsonFrame) -> Future[JsonFrame]:
        if self.ended is None:
            for observer in self._observers:
                observer.wrote(frame)
        return self._ask(lambda done: self.session.make(frame, done))

    def _change(self, kind: str, room: str, id: str | None, **fields: Any) -> Future[Any]:
        return self._write({"type": kind, "room": room, "id": id or self._new_id(), **fields})

    def _write(self, frame: JsonFrame) -> Future[Any]:
        future = quiet_future()
        if self.ended is not None:
            future.set_exception(events.Disconnected(str(self.ended)))
            return future
        for observer in self._observers:
            observer.wrote(frame)
        self._acks[frame["id"]] = future
        self._connection.wind()
        self.session.outbox.write(frame, leaves=frame["type"] == "remove" and frame["user"] == self.session.user_id)
        self._connection.arm()
        return future

    def _broke(self, task: asyncio.Task[None]) -> None:
        """An error of our own has ended the connection: everyone who waits learns of it, and the loop reports it."""
        if not task.cancelled() and (why := task.exception()) is not None:
            task.get_loop().call_exception_handler({"message": f"{self.name or 'a client'} broke", "exception": why})
            self._end(Closed(ABNORMAL, f"{type(why).__name__}: {why}"))

    def _end(self, closed: Closed) -> None:
        if self.ended is not None:
            return
        self.ended = closed
        self.session.close()
        for future in self._acks.values():
            if not future.done():
                future.set_exception(events.Disconnected(str(closed)))
        self._acks.clear()
        for stream in list(self._readers):
            stream.end()
        for observer in self._observers:
            observer.ended(closed)
        self._happened()

    def _happened(self) -> None:
        waiting, self._waiting = self._waiting, []
        for happened in waiting:
            if not happened.done():
                happened.set_result(None)
