"""The client's session against a server over a network that does its worst: whatever is lost, doubled, refused or
cut, in the end every room is whole, every message was shown once and in order, and everything written was stored
once."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.core import events
from shared.client.core.events import Arrived, ClientError, Event, JsonFrame, Message, Refused
from shared.client.core.session import Session, SessionOptions
from shared.client.core.timers import Timers

ME = {"id": "me", "name": "me"}


class Server:
    """The rooms, as docs/protocol.md promises them. `fit`: how many messages an answer has room for, this time."""

    def __init__(self, fit: Callable[[], int] = lambda: 200) -> None:
        self.fit = fit
        self.rooms: dict[str, list[JsonFrame]] = {}
        self.epoch = "e-1"

    def append(self, room: str, sender: str, id: str, text: str) -> JsonFrame:
        log = self.rooms.setdefault(room, [])
        for message in log:
            if (message["from"]["id"], message["id"]) == (sender, id):
                return message
        log.append(
            {
                "type": "message", "room": room, "seq": len(log) + 1, "id": id, "kind": "chat",
                "from": {"id": sender, "name": sender}, "at": "", "text": text,
            }
        )  # fmt: skip
        return log[-1]

    def joined(self, frame: JsonFrame) -> JsonFrame:
        log, after, fit = self.rooms.setdefault(frame["room"], []), frame.get("after"), self.fit()
        shown = log[-min(50, fit) :] if after is None else log[after : after + fit]
        more = bool(shown) and (shown[0]["seq"] > 1 if after is None else shown[-1]["seq"] < len(log))
        return {
            "type": "joined", "room": frame["room"], "seq": len(log), "members": 1, "online": [ME], "messages": shown,
            "more": more,
        }  # fmt: skip

    def history(self, frame: JsonFrame) -> JsonFrame:
        log, most = self.rooms[frame["room"]], min(frame["limit"], self.fit())
        if (before := frame.get("before")) is not None:
            shown = log[: before - 1][-most:]
            more = bool(shown) and shown[0]["seq"] > 1
        else:
            shown = log[frame["after"] :][:most]
            more = bool(shown) and shown[-1]["seq"] < len(log)
        return {"type": "history", "room": frame["room"], "messages": shown, "more": more}


class World:
    """One session, its server, and a network drawn from `chance`. `bad`: how often something goes wrong, 0 to 1."""

    def __init__(self, chance: random.Random, bad: float, **options: Any) -> None:
        self.chance, self.bad = chance, bad
        fit = (lambda: chance.choice([1, 3, 200])) if bad else (lambda: 200)
        self.server, self.timers = Server(fit), Timers()
        self.session = Session(self, self.timers, chance.random, SessionOptions(keep=None, **options))
        self.events: list[Event] = []
        self.outcomes: dict[str, Message | Refused] = {}
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

    def settled(self, id: str, outcome: Message | Refused) -> None:
        assert id not in self.outcomes, "settled once"
        self.outcomes[id] = outcome

    # the network

    def connect(self) -> None:
        if not self.connected:
            self.connected, self.connections = True, self.connections + 1
            welcome = {"type": "welcome", "user": ME, "session": f"s-{self.connections}", "epoch": self.server.epoch}
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
        message = self.server.append(room, sender, id, id)
        if room in self.sat and len(self.server.rooms[room]) > before and self.chance.random() > self.bad:
            self.down.append(message)

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
        elif kind == "history":
            self.down.append({**self.server.history(frame), **ref})
        elif kind == "chat":
            if frame["room"] not in self.sat:
                self.down.append({
                    "type": "error", "code": "not_joined", "text": "", "retryable": False, "ref": frame["id"],
                })  # fmt: skip
                return
            message = self.server.append(frame["room"], "me", frame["id"], frame["text"])
            if self.chance.random() > self.bad:
                self.down.append(message)

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


@given(st.integers(0, 2**32), st.floats(0, 0.5), st.sampled_from([1, 4]))
def test_whatever_the_network_does_nothing_is_lost_doubled_or_out_of_order(
    seed: int, bad: float, in_flight: int
) -> None:
    chance = random.Random(seed)
    world = World(chance, bad, in_flight=in_flight)
    rooms = ["r", "s"]
    for room in rooms:
        world.session.join(room, 0, lambda _: None)
    written: dict[str, list[str]] = {room: [] for room in rooms}
    for n in range(150):
        room = chance.choice(rooms)
        match chance.random():
            case x if x < 0.15:
                written[room].append(f"w-{n}")
                world.session.outbox.write({"type": "chat", "room": room, "id": f"w-{n}", "text": f"w-{n}"})
            case x if x < 0.35:
                world.say(room, chance.choice(["you", "they"]), f"o-{n}")
            case x if x < 0.38:
                world.cut()
            case x if x < 0.5:
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
        assert world.shown(room) == list(range(1, len(log) + 1))
        mine = [m["id"] for m in log if m["from"]["id"] == "me"]
        assert sorted(mine) == sorted(written[room])
        if in_flight == 1:
            assert mine == written[room], "in the order in which they were written"
        for id in written[room]:
            outcome = world.outcomes[id]
            assert isinstance(outcome, Message)
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
    assert world.up[0]["after"] == 10
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
