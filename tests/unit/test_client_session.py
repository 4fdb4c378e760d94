"""The client's session against a server over a network that does its worst: whatever is lost, doubled, refused or
cut, in the end every room is whole, every entry was told once and in order, everything written was stored once, and the
messages are as the server has them."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.core import events
from shared.client.core.backfill import page_of
from shared.client.core.events import (
    Arrived,
    Change,
    Changed,
    ClientError,
    Entry,
    Event,
    JsonFrame,
    Message,
    Refused,
    RoomChanged,
)
from shared.client.core.session import Session, SessionOptions
from shared.client.core.timers import Timers
from tests.chaos.memberships import PLAIN
from tests.unit.room_server import ME, RoomServer, some_change, some_mentions


class World:
    """One session, its server, and a network drawn from `chance`. `bad`: how often something goes wrong, 0 to 1."""

    def __init__(self, chance: random.Random, bad: float, **options: Any) -> None:
        self.chance, self.bad = chance, bad
        self.server, self.timers = RoomServer(), Timers()
        if bad:
            self.server = RoomServer(lambda: chance.choice([1, 3, 200]), lambda: chance.choice([0, 0, 0, 1, 4]))
        self.session = Session(self, self.timers, chance.random, SessionOptions(keep=None, **options))
        self.events: list[Event] = []
        self.outcomes: dict[str, Entry | Refused] = {}
        self.connected, self.sat = False, set[str]()
        self.up: deque[JsonFrame] = deque()
        self.down: deque[JsonFrame] = deque()
        self.handled: list[JsonFrame] = []
        self.connections = 0

    # the session's ports

    def send(self, frame: JsonFrame) -> bool:
        if self.connected:
            self.up.append(frame)
        return self.connected

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def settled(self, id: str, outcome: Entry | Refused) -> None:
        assert id not in self.outcomes, "settled once"
        self.outcomes[id] = outcome

    # the network

    def connect(self) -> None:
        if not self.connected:
            self.connected, self.connections = True, self.connections + 1
            welcome = {"type": "welcome", "user": ME, "session": f"s-{self.connections}", "epoch": self.server.epoch}
            welcome["me"] = "~me"
            self.session.welcomed(welcome)

    def cut(self) -> None:
        if self.connected:
            self.connected = False
            # What was on its way up may still arrive; the answers do not.
            for frame in list(self.up)[: self.chance.randrange(len(self.up) + 1)]:
                self.handle(frame)
            self.up.clear()
            self.down.clear()
            self.sat.clear()
            self.session.disconnected()

    def say(self, room: str, sender: str, id: str) -> None:
        """Somebody writes; who is in the room is told, unless that is lost."""
        before = len(self.server.rooms.get(room, ()))
        self._tell(room, before, self.server.append(room, sender, id, id))

    def talk(self, room: str, sender: str, id: str) -> None:
        """Somebody writes, perhaps in a thread, and perhaps calls somebody; likewise."""
        before = len(self.server.rooms.get(room, ()))
        self._tell(room, before, self.server.any_message(self.chance, room, sender, id))

    def meddle(self, room: str, sender: str, id: str) -> None:
        """Somebody changes some message, or the room itself, likewise."""
        before = len(self.server.rooms.get(room, ()))
        kind = self.server.any_governing if self.chance.random() < 0.3 else self.server.any_change
        self._tell(room, before, kind(self.chance, room, sender, id))

    def govern(self, room: str, sender: str, id: str, kind: str, **fields: Any) -> None:
        """Somebody changes the room itself."""
        before = len(self.server.rooms.get(room, ()))
        self._tell(room, before, self.server.govern(room, sender, id, kind, **fields))

    def _tell(self, room: str, before: int, entry: JsonFrame | None) -> None:
        is_new = len(self.server.rooms.get(room, ())) > before
        if entry is not None and room in self.sat and is_new and self.chance.random() > self.bad:
            self.down.append(entry)

    def handle(self, frame: JsonFrame) -> None:
        self.handled.append(frame)
        kind = frame["type"]
        ref = {"ref": frame["ref"]} if "ref" in frame else {}
        if self.chance.random() < self.bad / 2:
            return  # the frame, or its answer, is lost behind the gateway
        if self.chance.random() < self.bad / 2:
            error = {"type": "error", "code": "overloaded", "text": "", "retryable": True, "retry_after_ms": 500}
            self.down.append({**error, "ref": frame.get("ref", frame.get("id"))})
        elif kind == "join":
            self.sat.add(frame["room"])
            self.down.append({**self.server.joined(frame), **ref})
        elif kind == "resume":
            self._resume(frame["rooms"], ref)
        elif kind == "history":
            self.down.append({**self.server.history(frame), **ref})
        elif kind in ("create", "direct"):
            room = f"~{kind}-{frame['id']}"
            self.server.make(room, "me", frame["id"], frame.get("title", ""), frame["users"])
            self.sat.add(room)
            self.down.append({**self.server.joined({"room": room}), **ref})
        elif kind == "leave":
            self.sat.discard(frame["room"])
            self.down.append({"type": "left", "room": frame["room"], **ref})
        elif "id" in frame:
            self._store(frame)

    def _resume(self, rooms: list[JsonFrame], ref: JsonFrame) -> None:
        """In one frame or several; some rooms cannot be answered now, as it happens, or are left out."""
        told: list[JsonFrame] = []
        for wanted in rooms:
            if self.chance.random() < self.bad / 4:
                continue
            if self.chance.random() < self.bad / 4 or wanted["room"] not in self.server.rooms:
                told.append({"room": wanted["room"], "error": {"code": "unavailable", "text": ""}})
                continue
            self.sat.add(wanted["room"])
            told.append({k: v for k, v in self.server.joined(wanted).items() if k != "type"})
        if self.chance.random() < 0.5 and len(told) > 1:
            self.down.append({"type": "resumed", "rooms": told[:1], **ref})
            told = told[1:]
        self.down.append({"type": "resumed", "rooms": told, **ref})

    def _store(self, frame: JsonFrame) -> None:
        kind, room, id = frame["type"], frame["room"], frame["id"]
        if room not in self.sat:
            self.down.append({"type": "error", "code": "not_joined", "text": "", "retryable": False, "ref": id})
            return
        fields = {name: value for name, value in frame.items() if name not in ("type", "room", "id", "of", "text")}
        if kind in ("invite", "remove", "role"):
            role = {"invite": "member", "remove": None}.get(kind, frame.get("role"))
            entry: JsonFrame | None = self.server.let_in(room, "me", id, frame["user"], role)
        elif kind == "settings":
            entry = self.server.govern(room, "me", id, "room", **fields)
        elif kind == "chat":
            entry = self.server.append(room, "me", id, frame["text"], **fields)
        else:
            fields |= {"text": frame["text"]} if kind == "edit" else {}
            entry = self.server.change(room, "me", id, kind, frame["of"], **fields)
        if entry is None:
            error = {"type": "error", "code": "no_such_message", "text": "", "retryable": False, "ref": id}
            self.down.append(error)
        elif self.chance.random() > self.bad:
            self.down.append(entry)

    def turn(self) -> None:
        """Something happens."""
        match self.chance.random():
            case x if x < 0.45 and self.up:
                self.handle(self.up.popleft())
            case x if x < 0.9 and self.down:
                frame = self.down.popleft()
                if self.chance.random() < self.bad / 4:
                    self.down.append(frame)  # late, out of order
                else:
                    self.session.receive(frame)
            case _:
                self.timers.advance(self.timers.now + self.chance.random() * 3)

    def settle(self) -> None:
        """From here on everything works; in a while all is well."""
        self.bad = 0.0
        self.connect()
        for _ in range(20_000):
            if self.up:
                self.handle(self.up.popleft())
            elif self.down:
                self.session.receive(self.down.popleft())
            elif self.timers.deadline is not None:
                self.timers.advance(self.timers.deadline)
            else:
                return
        raise AssertionError("it does not come to rest")

    def shown(self, room: str) -> list[int]:
        return [e.message.seq for e in self.events if isinstance(e, Arrived) and e.message.room == room]

    def told(self, room: str) -> list[int]:
        """The numbers of all entries that were told, messages and changes."""
        told = [e for e in self.events if isinstance(e, Arrived | Changed | RoomChanged)]
        entries = [e.message if isinstance(e, Arrived) else e.change for e in told]
        return [entry.seq for entry in entries if entry.room == room]


def same(world: World, room: str) -> None:
    """The messages that are held are as the server has them, and so is how the room stands."""
    held = world.session.rooms[room].log.messages
    stored = {m["seq"]: Message.of(m) for m in world.server.messages(room)}
    assert held == [stored[m.seq] for m in held]
    assert stands(world, room) == {"people": {}, **PLAIN, **world.server.standings[room]} | (
        {} if room in world.server.private else {"people": None}
    )


def stands(world: World, room: str) -> JsonFrame:
    """How the room stands for the client; `people` as the server has them."""
    standing = world.session.rooms[room].log.standing
    assert standing is not None
    people = standing.people
    if people is not None:
        assert standing.role == (people["me"].role if "me" in people else None)
    roles = None if people is None else {id: person.role for id, person in people.items()}
    return {**{name: getattr(standing, name) for name in PLAIN}, "people": roles}


def some_governing(chance: random.Random) -> tuple[str, JsonFrame]:
    """A frame that changes the room itself, and leaves `me` there."""
    user = chance.choice(["you", "they"])
    match chance.choice(("invite", "remove", "role", "settings")):
        case "role":
            return "role", {"user": user, "role": chance.choice(["owner", "moderator", "member"])}
        case "settings":
            return "settings", {"topic": f"topic {chance.randrange(9)}", "archived": chance.random() < 0.5}
        case kind:
            return kind, {"user": user}


@given(st.integers(0, 2**32), st.floats(0, 0.5), st.sampled_from([1, 4]))
def test_whatever_the_network_does_nothing_is_lost_doubled_or_out_of_order(
    seed: int, bad: float, in_flight: int
) -> None:
    chance = random.Random(seed)
    world = World(chance, bad, in_flight=in_flight)
    rooms = ["r", "s"]
    world.server.make("s", "me", "m", "title", ["you"])
    for room in rooms:
        world.session.join(room, 0, lambda _: None)
    written: dict[str, list[str]] = {room: [] for room in rooms}

    def write(room: str, kind: str, **fields: Any) -> None:
        id = f"w-{sum(map(len, written.values()))}"
        written[room].append(id)
        world.session.outbox.write({"type": kind, "room": room, "id": id, **fields})

    for n in range(200):
        room = chance.choice(rooms)
        known = [m.seq for m in world.session.rooms[room].log.messages]
        match chance.random():
            case x if x < 0.1:
                roots = [m.seq for m in world.session.rooms[room].log.messages if m.thread is None]
                thread = {"thread": chance.choice(roots)} if roots and chance.random() < 0.5 else {}
                write(room, "chat", text=f"text {n}", **thread, **some_mentions(chance))
            case x if x < 0.2 and known:
                kind, fields = some_change(chance, known) if chance.random() < 0.7 else some_governing(chance)
                write(room, kind, **fields)
            case x if x < 0.3:
                world.talk(room, chance.choice(["you", "they"]), f"o-{n}")
            case x if x < 0.4:
                world.meddle(room, chance.choice(["you", "they"]), f"c-{n}")
            case x if x < 0.43:
                world.cut()
            case x if x < 0.55:
                world.connect()
            case _:
                world.turn()
    world.settle()
    for room in rooms:
        # One more message shows whether something was missed before.
        world.say(room, "you", "the last")
    world.settle()
    assert len(world.session.outbox) == 0
    for room in rooms:
        log = world.server.rooms[room]
        assert world.told(room) == list(range(1, len(log) + 1))
        assert len(world.session.rooms[room].log.messages) == len(world.server.messages(room))
        same(world, room)
        refused = [id for id in written[room] if isinstance(world.outcomes[id], Refused)]
        mine = [m["id"] for m in log if m["from"]["id"] == "me" and m["id"].startswith("w-")]
        assert sorted(mine + refused) == sorted(written[room])
        if in_flight == 1:
            assert mine == [id for id in written[room] if id not in refused], "in the order in which they were written"
        for id in written[room]:
            outcome = world.outcomes[id]
            if not isinstance(outcome, Refused):
                assert log[outcome.seq - 1]["id"] == id


def calm(**options: Any) -> World:
    world = World(random.Random(1), 0.0, **options)
    world.connect()
    return world


def joined(world: World, room: str, after: int | None = None) -> list[JsonFrame | ClientError]:
    answers: list[JsonFrame | ClientError] = []
    world.session.join(room, after, answers.append)
    world.settle()
    return answers


@pytest.mark.parametrize(("after", "first"), [(None, 551), (0, 1), (300, 301)])
def test_a_join_knows_the_room_from_where_it_was_asked_to(after: int | None, first: int) -> None:
    world = calm()
    for n in range(600):
        world.say("r", "you", f"o-{n}")
    joined(world, "r", after)
    assert world.shown("r") == list(range(first, 601))
    assert [e for e in world.events if isinstance(e, events.CaughtUp)] == [events.CaughtUp("r", 600)]


@pytest.mark.parametrize(("after", "first"), [(None, 598), (0, 1), (300, 301)])
def test_what_an_answer_has_no_room_for_is_asked_for_page_by_page(after: int | None, first: int) -> None:
    world = calm()
    world.server.fit = lambda: 3
    for n in range(600):
        world.say("r", "you", f"o-{n}")
    joined(world, "r", after)
    assert world.shown("r") == list(range(first, 601))


def test_a_resume_asks_only_for_what_was_missed() -> None:
    world = calm()
    joined(world, "r", 0)
    for n in range(10):
        world.say("r", "you", f"o-{n}")
    world.settle()
    world.cut()
    for n in range(10, 700):
        world.say("r", "you", f"o-{n}")
    world.connect()
    assert [(frame["type"], frame["rooms"]) for frame in world.up] == [("resume", [{"room": "r", "after": 10}])]
    world.settle()
    assert world.shown("r") == list(range(1, 701))


def test_a_restored_store_is_known_anew_from_where_it_was_wanted() -> None:
    world = calm()
    joined(world, "r", 0)
    world.say("r", "you", "lost in the restore")
    world.settle()
    world.cut()
    world.server.epoch, world.server.rooms = "e-2", {}
    world.say("r", "you", "after the restore")
    world.connect()
    world.settle()
    assert events.EpochChanged("e-2") in world.events
    log = world.session.rooms["r"].log
    assert [m.text for m in log.messages] == ["after the restore"]


def test_a_room_that_refuses_us_tells_whoever_asked_and_ends_what_waits_for_it() -> None:
    world = calm()
    answers: list[JsonFrame | ClientError] = []
    world.session.join("r", None, answers.append)
    world.session.outbox.write({"type": "chat", "room": "r", "id": "w", "text": "w"})
    frame = world.up.popleft()
    world.session.receive(
        {"type": "error", "code": "forbidden", "text": "No.", "retryable": False, "ref": frame["ref"]}
    )
    assert isinstance(answers[0], Refused)
    assert isinstance(world.outcomes["w"], Refused)
    assert "r" not in world.session.rooms


def test_rooms_are_entered_a_few_at_a_time() -> None:
    world = calm()
    for n in range(30):
        world.session.join(f"r-{n}", None, lambda _: None)
    assert len(world.up) == 8
    world.settle()
    assert all(room.joined for room in world.session.rooms.values())


def test_who_is_put_out_of_a_room_is_told_and_does_not_come_back_by_himself() -> None:
    world = calm()
    joined(world, "r")
    world.session.receive({"type": "left", "room": "r"})
    assert world.events[-1] == events.Left("r")
    world.cut()
    world.connect()
    assert not world.up


def test_a_server_that_does_not_know_us_in_the_room_any_more_is_asked_to_let_us_in_again() -> None:
    world = calm()
    joined(world, "r", 0)
    world.sat.clear()
    world.session.outbox.write({"type": "chat", "room": "r", "id": "w", "text": "w"})
    world.settle()
    assert isinstance(world.outcomes["w"], Message)
    assert world.shown("r") == [1]


def test_a_message_of_a_room_that_was_not_joined_is_not_shown() -> None:
    world = calm()
    world.session.receive(world.server.append("elsewhere", "you", "x", "x"))
    assert world.events == []


def test_a_list_of_all_who_are_present_takes_the_place_of_the_one_that_is_here() -> None:
    world = calm()
    joined(world, "r")
    present = [ME, {"id": "you", "name": "you"}]
    world.session.receive({"type": "presence", "room": "r", "members": 2, "present": present})
    room = world.session.rooms["r"]
    assert (room.members, set(room.online)) == (2, {"me", "you"})
    world.session.receive({"type": "presence", "room": "r", "members": 1, "present": [present[1]]})
    assert (room.members, set(room.online)) == (1, {"you"})


def test_frames_that_are_unknown_are_ignored() -> None:
    world = calm()
    for frame in ({"type": "dance"}, {"type": "pong"}, {"type": "history", "ref": "q 99", "messages": []}):
        world.session.receive(frame)
    assert world.events == []


# ── changes ──


def talked(count: int) -> World:
    world = calm()
    joined(world, "r", 0)
    for n in range(count):
        world.say("r", "me" if n % 2 else "you", f"o-{n}")
    world.settle()
    return world


def test_the_own_copy_of_a_change_is_its_acknowledgement() -> None:
    world = talked(2)
    world.session.outbox.write({"type": "edit", "room": "r", "id": "w", "of": 2, "text": "better"})
    world.settle()
    change = world.outcomes["w"]
    assert isinstance(change, Change)
    assert (change.seq, change.kind, change.of, change.text) == (3, "edit", 2, "better")
    assert events.Acknowledged(change) in world.events
    message = world.session.rooms["r"].log.message(2)
    assert message is not None
    assert message.text == "better"
    assert [e for e in world.events if isinstance(e, Changed)] == [Changed("r", change, message)]


def test_a_change_that_is_refused_ends_with_its_code_and_the_next_one_goes() -> None:
    world = talked(2)
    world.session.outbox.write({"type": "delete", "room": "r", "id": "w-1", "of": 9})
    world.session.outbox.write({"type": "delete", "room": "r", "id": "w-2", "of": 2})
    world.settle()
    refused = world.outcomes["w-1"]
    assert isinstance(refused, Refused)
    assert refused.code == "no_such_message"
    assert isinstance(world.outcomes["w-2"], Change)


def test_a_change_whose_acknowledgement_was_lost_is_sent_again_and_happens_once() -> None:
    world = talked(2)
    world.session.outbox.write({"type": "react", "room": "r", "id": "w", "of": 1, "emoji": "🎉", "on": True})
    world.handle(world.up.popleft())
    world.cut()
    world.say("r", "you", "meanwhile")
    world.connect()
    world.settle()
    assert world.told("r") == [1, 2, 3, 4]
    same(world, "r")
    assert isinstance(world.outcomes["w"], Change)


def test_what_changed_in_an_absence_is_there_after_it() -> None:
    world = talked(4)
    world.cut()
    world.server.change("r", "you", "c-1", "edit", 1, text="better")
    world.server.change("r", "they", "c-2", "react", 2, emoji="👍", on=True)
    world.server.change("r", "you", "c-3", "delete", 3)
    world.server.change("r", "you", "c-4", "pin", 4, on=True)
    world.connect()
    world.settle()
    assert world.told("r") == list(range(1, 9))
    same(world, "r")


def test_an_answer_to_a_join_that_is_older_than_the_room_is_followed_by_a_question_for_the_rest() -> None:
    world = calm()
    for n in range(60):
        world.say("r", "you", f"o-{n}")
    for n in range(5):
        world.server.change("r", "you", f"c-{n}", "edit", 60 - n, text="better")
    world.server.behind = lambda: 4
    joined(world, "r")
    assert [frame["after"] for frame in world.handled if frame["type"] == "history"] == [61]
    assert world.told("r") == [*range(11, 61), *range(62, 66)], "the first messages hold the change 61 already"
    same(world, "r")


def test_a_page_of_history_that_was_asked_for_has_messages_and_changes() -> None:
    world = talked(3)
    world.server.change("r", "you", "c-1", "edit", 3, text="better")
    answers: list[JsonFrame | ClientError] = []
    world.session.ask({"type": "history", "room": "r", "after": 2, "limit": 10}, answers.append)
    world.settle()
    [answer] = answers
    assert isinstance(answer, dict)
    page = page_of(answer)
    assert ([m.text for m in page.messages], [c.kind for c in page.changes], page.seq) == (["better"], ["edit"], 4)
