"""The people of a run: clients over bad lines, who talk, change what was said, repeat themselves, send files, come and
go."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import IO, Any

from shared.client import Client, Message, Options, fixed
from shared.protocol.room_names import own_room
from tests.acts import any_act, marks, perform, rooms_of_some, some_called, some_thread
from tests.chaos.line import Line
from tests.recording import JsonLines, Recorder, record_state, recorded

WORDS = ("гомін", "hum", "voice", "так", "ні", "room", "🙂", "перевірка", "once", "again", "зранку", "line")
PATIENCE_S = 6.0
EMOJI = ("👍", "🎉", "❤", "👩🏽‍🚒", "🇺🇦")
BURST = (10, 60)
"""Frames at once: more than a connection may send, so that some are refused for now."""
NEWEST = 30
"""Of so many messages one is changed: not seldom the same by several at once."""


@dataclass
class Person:
    """A client, its line, the rooms it has joined, and the other device of the same user, if there is one. `user` and
    `device` say whose it is; `life` counts the clients of this device."""

    user: int
    device: str
    life: int
    client: Client
    line: Line
    rooms: list[str]
    chance: Random
    recorder: Recorder
    twin: Person | None = None


class Crowd:
    """`tokens`: one for each user. The first third of the users has two devices, and so two clients."""

    def __init__(self, tokens: Sequence[str], urls: Sequence[str], rooms: Sequence[str], seed: int, out: Path) -> None:
        self.rooms, self.out, self._urls, self._seed = list(rooms), out, list(urls), seed
        self._files: list[IO[bytes]] = []
        self.tokens = list(tokens)
        """One for each user."""
        self.gone: list[Person] = []
        self._left: list[Person] = []
        self.people: list[Person] = []
        for user in range(len(tokens)):
            chance = Random(f"{seed}:user:{user}")
            sits_in = sorted(chance.sample(self.rooms, max(1, len(self.rooms) // 2)))
            devices = [self._person(user, device, 1, sits_in) for device in ("a", "b")[: 2 if user % 3 == 0 else 1]]
            self.people += devices
        self._pair()

    def _pair(self) -> None:
        """Whoever is here, and has another device here."""
        for person in self.people:
            others = (p for p in self.people if p.user == person.user and p is not person)
            person.twin = next(others, None)

    def _person(self, user: int, device: str, life: int, rooms: list[str]) -> Person:
        called = f"u{user:02}{device}{life}"
        chance = Random(f"{self._seed}:client:{called}")
        file = (self.out / f"{called}.jsonl").open("wb")
        self._files.append(file)
        line = Line()
        client = Client(
            chance.sample(self._urls, len(self._urls)),
            fixed(self.tokens[user]),
            name=called,
            options=Options(
                in_flight=chance.choice((1, 1, 16)),
                ack_s=PATIENCE_S,
                answer_s=PATIENCE_S,
                connect_s=PATIENCE_S,
                accept=chance.random() < 0.8,
            ),
            dial=line.dial,
            random=chance.random,
            new_id=lambda: f"{called}-{chance.getrandbits(64):016x}",
        )
        recorder = JsonLines(file)
        return Person(user, device, life, recorded(client, recorder), line, rooms, chance, recorder)

    async def start(self) -> None:
        """Everyone connected, and in his rooms."""
        await self._arrive(self.people)

    @staticmethod
    async def _arrive(people: Sequence[Person]) -> None:
        for person in people:
            person.client.start()
        for person in people:
            await asyncio.gather(*(person.client.join(room, after=0) for room in person.rooms))
            person.client.join(own_room(person.client.session.user_id), after=0)

    async def come_back(self) -> None:
        """Whoever had gone is there again, with a new client that knows nothing."""
        gone, self.gone = self.gone, []
        self._left += gone
        back = [self._person(p.user, p.device, p.life + 1, p.rooms) for p in gone]
        self.people += back
        self._pair()
        await self._arrive(back)

    async def talk(self, rate: float) -> None:
        """Until cancelled; `rate`: messages and changes a second, all together."""
        async with asyncio.TaskGroup() as tasks:
            for person in list(self.people):
                tasks.create_task(self._talk(person, rate / len(self.people)))

    async def _talk(self, person: Person, rate: float) -> None:
        chance = person.chance
        while True:
            await asyncio.sleep(chance.expovariate(rate))
            # Who cannot get rid of what he has written does not write more and more.
            if person.client.ended is None and len(person.client.session.outbox) < 200:
                some = rooms_of_some(person.client)
                here = some if some and chance.random() < 0.3 else person.rooms
                self._say(person, chance.choice(here))

    def _govern(self, person: Person) -> None:
        """Something about rooms of some; now and then the frame goes twice, or from the other device as well."""
        client, chance = person.client, person.chance
        act, id = any_act(client, chance, self._users(), ()), f"{client.name}-act-{chance.getrandbits(48):012x}"
        perform(client, act, id)
        if act["type"] == "leave":
            return
        if chance.random() < 0.1:
            client.send({**act, "id": id})
        twin = person.twin
        room = act.get("room", own_room(client.session.user_id))
        if twin is not None and room in twin.client.session.rooms and chance.random() < 0.1:
            perform(twin.client, act, id)

    def _users(self) -> list[str]:
        """The ids of those who are here."""
        return sorted({p.client.session.user_id for p in self.people} - {""})

    def _said(self, person: Person, room: str) -> dict[str, Any]:
        """What a message says beside its text: perhaps it stands in a thread, perhaps it calls some."""
        chance, newest = person.chance, self._newest(person.client, room)
        thread = some_thread(chance, newest[-8:]) if chance.random() < 0.35 else None
        called = some_called(chance, self._users())
        return ({} if thread is None else {"thread": thread}) | ({"mentions": called} if called else {})

    def _say(self, person: Person, room: str) -> None:
        client, chance = person.client, person.chance
        what = chance.random()
        if what < 0.015:
            for _ in range(chance.randint(*BURST)):
                client.chat(room, self._text(chance))
        elif what < 0.08:
            self._twice(person, room)
        elif what < 0.14 and person.twin is not None and room in person.twin.client.session.rooms:
            # The other device sends the same, over another gateway perhaps: one message in the end.
            id, text = f"{client.name}-twin-{chance.getrandbits(48):012x}", self._text(chance)
            said = self._said(person, room)
            for device in (person, person.twin):
                if device.client.ended is None:
                    device.client.chat(room, text, id, **said)
        elif what < 0.17:
            data = base64.b64encode(self._text(chance).encode() * chance.randint(1, 40)).decode()
            client.send_file(room, "note.txt", f"data:text/plain;base64,{data}")
        elif what < 0.20:
            client.chat(room, self._text(chance) * chance.randint(20, 200))
        elif what < 0.26:
            self._govern(person)
        elif what < 0.28:
            client.typing(room)
            if room in client.session.rooms:
                marks(client, chance, room)
        elif what < 0.55:
            self._change(person, room)
        elif what < 0.60 and (newest := self._newest(client, room)):
            client.chat(room, self._text(chance), reply_to=chance.choice(newest).seq)
        else:
            client.chat(room, self._text(chance), **self._said(person, room))

    def _change(self, person: Person, room: str) -> None:
        """Changes one of the newest messages; now and then the frame goes twice, or from the other device as well."""
        client, chance = person.client, person.chance
        said = [m for m in self._newest(client, room) if m.kind != "deleted"]
        mine = [m for m in said if m.sender_id == client.session.user_id]
        id, what = f"{client.name}-change-{chance.getrandbits(48):012x}", chance.random()
        frame: dict[str, Any] = {"room": room, "id": id}
        if what < 0.45 and mine:
            # A file has no text, and is refused then: for good.
            frame |= {"of": chance.choice(mine).seq}
            frame |= {"type": "edit", "text": self._text(chance)} if what < 0.3 else {"type": "delete"}
            if what < 0.3 and (called := some_called(chance, self._users())):
                frame["mentions"] = called
        elif said and what < 0.9:
            on = chance.random() < 0.65
            frame |= {"type": "react", "of": chance.choice(said).seq, "emoji": chance.choice(EMOJI), "on": on}
        elif said:
            frame |= {"type": "pin", "of": chance.choice(said).seq, "on": chance.random() < 0.65}
        else:
            return
        self._write(client, frame)
        if chance.random() < 0.1:
            client.send(frame)
        twin = person.twin
        if twin is not None and room in twin.client.session.rooms and chance.random() < 0.1:
            self._write(twin.client, frame)

    @staticmethod
    def _write(client: Client, frame: dict[str, Any]) -> None:
        room, of, id = frame["room"], frame["of"], frame["id"]
        match frame["type"]:
            case "edit":
                client.edit(room, of, frame["text"], id, mentions=frame.get("mentions", ()))
            case "delete":
                client.delete(room, of, id)
            case "react":
                client.react(room, of, frame["emoji"], frame["on"], id)
            case _:
                client.pin(room, of, frame["on"], id)

    @staticmethod
    def _newest(client: Client, room: str) -> list[Message]:
        known = client.session.rooms.get(room)
        return [] if known is None else known.log.messages[-NEWEST:]

    def _twice(self, person: Person, room: str) -> None:
        """The frame that the outbox sends, once or twice more, without waiting for anything."""
        client, chance = person.client, person.chance
        id, text = f"{client.name}-dup-{chance.getrandbits(48):012x}", self._text(chance)
        said = self._said(person, room)
        client.chat(room, text, id, **said)
        for _ in range(chance.randint(1, 2)):
            client.send({"type": "chat", "room": room, "id": id, "text": text, **said})

    @staticmethod
    def _text(chance: Random) -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(1, 8)))

    def some(self, chance: Random) -> list[Person]:
        """A few of those who are here."""
        return chance.sample(self.people, min(len(self.people), chance.randint(1, 5)))

    async def part(self, chance: Random) -> None:
        """A quarter of them goes: half with a goodbye, half without."""
        leaving = chance.sample(self.people, len(self.people) // 4)
        for position, person in enumerate(leaving):
            self.people.remove(person)
            self.gone.append(person)
            if position % 2:
                person.line.cut()
        self._pair()
        await asyncio.gather(*(person.client.stop() for person in leaving))

    def behind(self, newest: dict[str, int]) -> list[str]:
        """Who is not connected, waits for an answer, or lacks something of what there is; `newest`: `seq` of each room,
        also of those of some."""
        found = []
        for person in self.people:
            client = person.client
            if client.ended is not None:
                found.append(f"{client.name} was ended: {client.ended}")
            elif client.welcome is None:
                found.append(f"{client.name} is not connected")
                client.hurry()
            elif len(client.session.outbox) + len(client.session.making):
                waiting = len(client.session.outbox) + len(client.session.making)
                found.append(f"{client.name} waits for {waiting} acknowledgements")
            for room in rooms_of_some(client):
                of_some = client.session.rooms[room]
                if not of_some.joined or of_some.log.whole < newest.get(room, 0):
                    found.append(f"{client.name} has {room} up to {of_some.log.whole} of {newest.get(room)}")
            for room in person.rooms:
                known = client.session.rooms.get(room)
                if known is None or not known.joined:
                    found.append(f"{client.name} is not in {room}")
                elif known.log.whole < newest[room]:
                    found.append(f"{client.name} has {room} up to {known.log.whole} of {newest[room]}")
        return found

    def online(self, room: str) -> set[str]:
        """The users who are in `room` now."""
        return {
            person.client.session.user_id
            for person in self.people
            if (known := person.client.session.rooms.get(room)) is not None and known.joined
        }

    def mistaken(self, unlike: set[str]) -> list[str]:
        """Whoever shows others than those who are there, `unlike` left out. Presence may be dropped on its way, and
        the next `joined` sets it right: so this is told, and does not count."""
        found = []
        for person in self.people:
            for room in person.rooms:
                known = person.client.session.rooms.get(room)
                if known is not None:
                    shown, there = set(known.online) - unlike, self.online(room) - unlike
                    if shown != there:
                        found.append(f"{person.client.name} in {room}: +{len(shown - there)} -{len(there - shown)}")
        return found

    def record_states(self) -> None:
        """What everybody holds is in the histories, and these are on disk, up to now."""
        for person in self.people:
            record_state(person.client, person.recorder)
        for file in self._files:
            file.flush()

    async def stop(self) -> None:
        """Everyone leaves."""
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                await asyncio.gather(*(person.client.stop() for person in self.people))
        for person in [*self.people, *self.gone, *self._left]:
            await person.line.close()
        for file in self._files:
            file.close()
