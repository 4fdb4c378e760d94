"""A `resume` on its way through a gateway: split by shard, and answered part by part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.gateway.core.parts import parts
from shared.bus.topology import shard_queue
from shared.protocol.bus import Direct, Submit, Subscribed, Unsubscribe, named
from shared.protocol.client import CLIENT_FRAME, Resume
from shared.protocol.codec import encode, pack
from shared.protocol.names import shard_of
from tests.unit.gateway_side import SHARDS, Side, Transport, framed
from tests.unit.test_gateway_upgrade import told

ROOMS = [f"room-{n}" for n in range(10)]


def resume(rooms: list[str] = ROOMS) -> bytes:
    frame = {"type": "resume", "rooms": [{"room": room, "after": n} for n, room in enumerate(rooms)], "ref": "x"}
    return json.dumps(frame).encode()


class Client:
    def __init__(self, side: Side, connection: Any, transport: Transport) -> None:
        self.side, self.connection, self.transport = side, connection, transport
        self.session = list(side.hub.entry.sessions)[-1]

    def send(self, frame: bytes) -> None:
        self.connection.data_received(framed(frame))

    async def submitted(self) -> list[Submit]:
        return [m for messages in (await self.side.sent()).values() for m in messages if isinstance(m, Submit)]

    def told(self) -> list[dict[str, Any]]:
        frames = told(self.transport)
        self.transport.written.clear()
        return frames

    def answer(self, question: int, *rooms: str) -> None:
        """A router answers for these rooms."""
        subscribed = [Subscribed(room=room, sessions=[self.session], seq=0) for room in rooms]
        frame = json.dumps({"type": "resumed", "rooms": [{"room": room} for room in rooms]}).encode()
        direct = Direct(session=self.session, sizes=[len(frame)], question=question, rooms=list(rooms))
        self.side.hub.deliver.body(encode("router", map(pack, [*subscribed, direct]), [frame]))


async def client(side: Side) -> Client:
    return Client(side, *await side.client("olena"))


def named_in(frames: list[dict[str, Any]]) -> list[list[str]]:
    return [[each["room"] for each in frame["rooms"]] for frame in frames]


def test_the_parts_name_each_room_once_those_of_one_shard_together() -> None:
    frame = CLIENT_FRAME.validate_json(resume())
    assert isinstance(frame, Resume)
    split = parts(frame, SHARDS)
    assert sorted(each.room for part in split for each in part.rooms) == sorted(each.room for each in frame.rooms)
    assert {each for part in split for each in part.rooms} == set(frame.rooms)
    shards = [{shard_of(r.room, SHARDS) for r in part.rooms} for part in split]
    assert all(len(each) == 1 for each in shards)
    assert len({shard for each in shards for shard in each}) == len(split)
    assert {part.ref for part in split} == {"x"}


async def test_each_shard_gets_its_part_under_one_question() -> None:
    who = await client(Side())
    who.send(resume())
    submitted = await who.submitted()
    assert sorted(each.room for submit in submitted for each in submit.frame.rooms) == ROOMS  # type: ignore[union-attr]
    assert len(submitted) == len({shard_of(room, SHARDS) for room in ROOMS})
    assert {(s.question, s.among, s.session, s.user.id) for s in submitted} == {(1, 10, who.session, "olena")}


async def test_it_is_open_until_each_room_was_answered() -> None:
    who = await client(Side())
    who.send(resume())
    questions = who.side.hub.questions
    who.answer(1, *ROOMS[:4])
    who.answer(1, *ROOMS[:4])  # a router that died had told it already
    assert (named_in(who.told()), len(questions)) == ([ROOMS[:4]], 1)
    who.answer(1, *ROOMS[4:])
    assert (named_in(who.told()), len(questions)) == ([ROOMS[4:]], 0)


async def test_what_is_not_answered_in_time_is_refused_as_a_whole() -> None:
    who = await client(Side())
    who.send(resume())
    who.answer(1, *ROOMS[:4])
    who.told()
    who.side.hub.questions.lost()
    (error,) = who.told()
    assert (error["type"], error["code"], error["retryable"], error["ref"]) == ("error", "unavailable", True, "x")
    who.answer(1, *ROOMS[4:])
    assert who.told() == []


async def test_a_part_that_cannot_be_forwarded_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side()
    who = await client(side)
    there = [room for room in ROOMS if shard_of(room, SHARDS) == shard_of(ROOMS[0], SHARDS)]
    queue = side.hub.forward._queues[shard_queue(shard_of(ROOMS[0], SHARDS))]
    monkeypatch.setattr(queue, "bytes", 1 << 40)
    who.send(resume())
    (refused,) = who.told()
    assert (refused["type"], refused["ref"], named_in([refused])) == ("resumed", "x", [there])
    assert {each["error"]["code"] for each in refused["rooms"]} == {"overloaded"}
    who.answer(1, *(room for room in ROOMS if room not in there))
    assert (len(who.told()), len(side.hub.questions)) == (1, 0)


async def test_who_goes_before_it_is_answered_is_unsubscribed_from_all_of_it() -> None:
    who = await client(Side())
    who.send(resume())
    who.connection.connection_lost(None)
    sent = [m for messages in (await who.side.sent()).values() for m in messages]
    assert sorted(m.room for m in sent if isinstance(m, Unsubscribe)) == ROOMS


async def test_it_counts_as_one_frame() -> None:
    who = await client(Side(frames_per_s=0.001, frames_burst=3))
    who.send(resume())
    who.send(resume())
    assert who.told() == []
    who.send(resume())
    assert [frame["code"] for frame in who.told()] == ["rate_limited"]


@pytest.mark.parametrize("heard", [True, False])
async def test_where_a_router_does_not_know_it_the_client_hears_so_at_once(heard: bool) -> None:
    side = Side(heard=heard)
    if heard:
        side.acknowledge(0, "router.old", 1)
    who = await client(side)
    who.send(resume())
    (error,) = who.told()
    assert (error["code"], error["retryable"], error["ref"]) == ("invalid_frame", False, "x")
    assert await who.submitted() == []
    for shard in range(SHARDS):
        side.acknowledge(shard, named("router.new"), 2)
    who.send(resume())
    assert len(await who.submitted()) > 1
