"""People who chat all the time, and the count afterwards: what was sent, acknowledged, received, missing, doubled.

The client sends a message again, with the same id, until it is acknowledged, as any client of Homin may. So `missing`
must be 0 whatever happens meanwhile: an acknowledged message is in the room's log, and every member has seen it. And
`doubled` must be 0: one write is one message in the log, however often it was sent, and nobody sees it twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_bytes, token_hex
from types import TracebackType
from typing import Self

import httpx

from shared.client import Client, Message, Options, fixed
from tests.recording import Record, recorded
from tests.stack.stack import PATIENCE_S, Stack

PAUSE_S = 0.1
PEOPLE = 12
ROOMS = 4
FILE_EVERY = 10
FILE = "data:text/plain;base64,0L/RgNC40LLRltGC"
UPLOAD_BYTES = 200_000


@dataclass(frozen=True)
class Count:
    """`received`: messages shown, of all members together; `expected`: how many that should be."""

    sent: int
    acknowledged: int
    expected: int
    received: int
    missing: int
    doubled: int
    uploaded: int

    def __str__(self) -> str:
        return (
            f"sent {self.sent}, acknowledged {self.acknowledged}, received {self.received} of {self.expected}, "
            f"missing {self.missing}, doubled {self.doubled}; files over HTTP {self.uploaded}"
        )


class Person:
    """One who writes to both rooms in turn, each time once the last is acknowledged, and now and then sends a file."""

    def __init__(self, client: Client, rooms: list[str], seen: list[Record]) -> None:
        self.client, self.rooms, self.seen = client, rooms, seen
        self.acknowledged: list[Message] = []
        self.sent = 0

    async def write(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            room = self.rooms[self.sent % len(self.rooms)]
            self.sent += 1
            text = f"{self.client.name} {self.sent} {token_hex(4)}"
            if self.sent % FILE_EVERY == 0:
                message = await self.client.send_file(room, f"{self.sent}.txt", FILE)
            else:
                message = await self.client.chat(room, text)
                assert message.text == text
            self.acknowledged.append(message)
            await asyncio.sleep(PAUSE_S)


class Traffic:
    """`async with Traffic(stack) as traffic: …`, then `await traffic.count()` inside it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._tag = token_hex(3)
        self.rooms = [f"room-{self._tag}-{i}" for i in range(ROOMS)]
        self.people: list[Person] = []
        self.uploaded: dict[str, str] = {}
        """By address: the digest of what was sent."""
        self._enough = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._token = ""

    async def __aenter__(self) -> Self:
        for number in range(PEOPLE):
            name = f"p{number}-{self._tag}"
            seen: list[Record] = []
            # Rooms overlap, so that everyone meets others through other gateways and routers.
            rooms = [self.rooms[number % ROOMS], self.rooms[(number + 1) % ROOMS]]
            token = fixed(await self._stack.guest(name))
            options = Options(answer_s=3, ack_s=3)
            client = recorded(Client([self._stack.ws], token, name=name, options=options), seen.append)
            self.people.append(Person(client, rooms, seen))
        self._token = await self._stack.guest(f"uploader-{self._tag}")
        self._uploader = Client([self._stack.ws], fixed(self._token), name="uploader")
        async with asyncio.timeout(PATIENCE_S):
            for client in (*(person.client for person in self.people), self._uploader):
                client.start()
            for person in self.people:
                for room in person.rooms:
                    await person.client.join(room, after=0)
            await self._uploader.join(self.rooms[0], after=0)
        self._tasks = [asyncio.create_task(person.write(self._enough)) for person in self.people]
        self._tasks.append(asyncio.create_task(self._upload()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(person.client.stop() for person in self.people), self._uploader.stop())

    async def flows(self, messages: int = 3) -> None:
        """Waits until everyone has had so many more messages acknowledged."""
        goals = [(person, len(person.acknowledged) + messages) for person in self.people]
        async with asyncio.timeout(PATIENCE_S):
            while any(len(person.acknowledged) < goal for person, goal in goals):
                self._raise_what_failed()
                await asyncio.sleep(0.05)

    async def uploads(self, files: int = 1) -> None:
        """Waits until so many more files are stored."""
        goal = len(self.uploaded) + files
        async with asyncio.timeout(PATIENCE_S):
            while len(self.uploaded) < goal:
                self._raise_what_failed()
                await asyncio.sleep(0.05)

    async def count(self) -> Count:
        """Ends the writing, waits until everyone has everything, and compares it with the rooms' logs."""
        self._enough.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*self._tasks)
        with suppress(TimeoutError):
            await self._files_are_posted()
        async with asyncio.timeout(PATIENCE_S):
            logs = {room: await self._log(room) for room in self.rooms}
            for person in self.people:
                for room in person.rooms:
                    await person.client.caught_up(room, len(logs[room]))
        await self._downloads_are_whole()
        return self._compare(logs)

    async def _log(self, room: str) -> list[Message]:
        """The whole log, as somebody reads it who was not there."""
        reader = self.people[self.rooms.index(room)].client
        messages: list[Message] = []
        more = True
        while more:
            page = await reader.history(room, after=messages[-1].seq if messages else 0, limit=200)
            messages += page.messages
            more = page.more
        return messages

    def _compare(self, logs: dict[str, list[Message]]) -> Count:
        missing = doubled = expected = received = 0
        for room, log in logs.items():
            assert [m.seq for m in log] == list(range(1, len(log) + 1)), f"{room} has a gap or is out of order"
            by_write = Counter((m.sender_id, m.id) for m in log)
            by_text = Counter(m.text for m in log if m.kind == "chat")
            doubled += sum(n - 1 for n in by_write.values()) + sum(n - 1 for n in by_text.values())
            stored = {(m.sender_id, m.id): m.seq for m in log}
            for person in self.people:
                acknowledged = [m for m in person.acknowledged if m.room == room]
                missing += sum(stored.get((m.sender_id, m.id)) != m.seq for m in acknowledged)
                if room in person.rooms:
                    shown = [r.fields["seq"] for r in person.seen if r.kind == "show" and r.fields["room"] == room]
                    assert shown == sorted(shown), f"{person.client.name} saw {room} out of order"
                    expected += len(log)
                    received += len(set(shown))
                    doubled += len(shown) - len(set(shown))
            urls = Counter(m.file["url"] for m in log if m.file is not None)
            if room == self.rooms[0]:
                missing += sum(url not in urls for url in self.uploaded)
        missing += expected - received
        sent = sum(person.sent for person in self.people)
        acknowledged_all = sum(len(person.acknowledged) for person in self.people)
        return Count(sent, acknowledged_all, expected, received, missing, doubled, len(self.uploaded))

    async def _upload(self) -> None:
        """One file after the other over HTTP. Only a 201 is an acknowledgement; what failed is simply tried again."""
        async with self._stack.http() as http:
            http.headers["Authorization"] = f"Bearer {self._token}"
            while not self._enough.is_set():
                data = token_bytes(UPLOAD_BYTES)
                try:
                    answer = await http.post(f"/api/files?room={self.rooms[0]}", files={"file": ("some.bin", data)})
                except httpx.HTTPError:
                    answer = None
                if answer is not None and answer.status_code == 201:
                    self.uploaded[answer.json()["file"]["url"]] = sha256(data).hexdigest()
                else:
                    assert answer is None or answer.status_code >= 500 or answer.status_code == 429, answer.text
                await asyncio.sleep(PAUSE_S)

    async def _files_are_posted(self) -> None:
        """A 201 says that the bytes are stored; their message comes by itself, later where the broker was away."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                posted = {m.file["url"] for m in await self._log(self.rooms[0]) if m.file is not None}
                if self.uploaded.keys() <= posted:
                    return
                await asyncio.sleep(0.5)

    async def _downloads_are_whole(self) -> None:
        async with self._stack.http() as http:
            http.headers["Authorization"] = f"Bearer {self._token}"
            for url, digest in self.uploaded.items():
                answer = await http.get(url)
                assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text}"
                assert sha256(answer.content).hexdigest() == digest, f"{url} has other bytes than were sent"

    def _raise_what_failed(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()
