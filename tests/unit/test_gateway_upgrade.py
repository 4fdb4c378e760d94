"""Routers of two builds side by side: what an older one cannot read does not go to it, nor what may come to it next."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.core.owners import Owners
from shared.bus.topology import shard_queue
from shared.protocol.bus import WIRE, Submit, named
from shared.protocol.names import shard_of
from tests.unit.gateway_side import SHARDS, Side, Transport, framed

OLD, NEW = "router.old", named("router.new")
ROOM = "r"
HERE = shard_of(ROOM, SHARDS)
OTHERS = [shard for shard in range(SHARDS) if shard != HERE]
SENTENCE = "The server is being upgraded. Try again in a moment."
NEWER: list[dict[str, Any]] = [
    {"type": "edit", "room": ROOM, "id": "i", "of": 1, "text": "t"},
    {"type": "delete", "room": ROOM, "id": "i", "of": 1},
    {"type": "react", "room": ROOM, "id": "i", "of": 1, "emoji": "👍", "on": True},
    {"type": "pin", "room": ROOM, "id": "i", "of": 1, "on": True},
    {"type": "chat", "room": ROOM, "id": "i", "text": "t", "reply_to": 1},
    # It goes on as it came, and an older router refuses the field whatever it says.
    {"type": "chat", "room": ROOM, "id": "i", "text": "t", "reply_to": None},
    {"type": "chat", "room": ROOM, "id": "i", "text": "t", "thread": 1},
    {"type": "chat", "room": ROOM, "id": "i", "text": "t", "mentions": ["u1"]},
    {"type": "edit", "room": ROOM, "id": "i", "of": 1, "text": "t", "mentions": []},
    {"type": "history", "room": ROOM, "thread": 1, "ref": "i"},
    {"type": "notify", "room": ROOM, "level": "all", "ref": "i"},
]
FIRST: list[dict[str, Any]] = [
    {"type": "join", "room": ROOM},
    {"type": "chat", "room": ROOM, "id": "i", "text": "t"},
    {"type": "rooms"},
    {"type": "typing", "room": ROOM},
]


async def forwarded(side: Side, *frames: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """What becomes of a client's frames: the types of those that went on, and what it was told."""
    connection, transport = await side.client("olena")
    for frame in frames:
        connection.data_received(framed(json.dumps(frame).encode()))
    session = list(side.hub.entry.sessions)[-1]
    went = [m for messages in (await side.sent()).values() for m in messages if isinstance(m, Submit)]
    return [m.frame.type for m in went if m.session == session], told(transport)


def told(transport: Transport) -> list[dict[str, Any]]:
    frames, data = [], b"".join(transport.written)
    while data:
        # RFC 6455, 5.2: 126 stands for a length in the next two bytes.
        start = 4 if data[1] == 126 else 2
        stop = start + (int.from_bytes(data[2:4]) if start == 4 else data[1])
        frames.append(json.loads(data[start:stop]))
        data = data[stop:]
    return frames


@pytest.mark.parametrize("frame", NEWER, ids=json.dumps)
async def test_what_is_new_is_refused_until_its_router_was_heard_and_forwarded_after(frame: dict[str, Any]) -> None:
    side = Side(heard=False)
    went, (error,) = await forwarded(side, frame)
    assert went == []
    assert (error["code"], error["text"], error["ref"]) == ("unavailable", SENTENCE, "i")
    assert (error["retryable"], error["retry_after_ms"]) == (True, 2_000)
    for shard in OTHERS:
        side.acknowledge(shard, NEW)
    assert (await forwarded(side, frame))[0] == []
    side.acknowledge(HERE, NEW)
    assert await forwarded(side, frame) == ([frame["type"]], [])


@pytest.mark.parametrize("frame", NEWER, ids=json.dumps)
async def test_one_shard_of_an_old_router_holds_back_what_is_new_in_all(frame: dict[str, Any]) -> None:
    """It may own the others next."""
    side = Side()
    for shard in range(SHARDS):
        side.acknowledge(shard, OLD, 1)
        assert (await forwarded(side, frame))[0] == []
        side.acknowledge(shard, NEW, 2)
        assert (await forwarded(side, frame))[0] == [frame["type"]]


async def test_the_shards_that_were_not_heard_yet_hold_back_nothing() -> None:
    side = Side(heard=False)
    side.acknowledge(HERE, NEW)
    assert (await forwarded(side, NEWER[0]))[0] == ["edit"]


@pytest.mark.parametrize("heard", [True, False])
async def test_what_every_router_reads_always_goes_on(heard: bool) -> None:
    side = Side(heard=heard)
    if heard:
        side.acknowledge(HERE, OLD, 1)
    went, errors = await forwarded(side, *FIRST)
    assert (sorted(went), errors) == (sorted(frame["type"] for frame in FIRST), [])


async def test_what_a_former_owner_says_late_changes_nothing() -> None:
    side = Side()
    side.acknowledge(HERE, OLD, 5)
    side.acknowledge(HERE, NEW, 4)
    assert (await forwarded(side, NEWER[0]))[0] == []
    side.acknowledge(HERE, NEW, 5)
    assert (await forwarded(side, NEWER[0]))[0] == ["edit"]


async def test_a_gateway_that_was_cut_off_waits_to_hear_the_routers_again() -> None:
    """Others may own the shards by now."""
    side = Side()
    side.hub.deliver.reopened("mailbox.gateway.2")
    assert (await forwarded(side, NEWER[0]))[0] == []
    side.acknowledge(HERE, NEW, 1)
    assert (await forwarded(side, NEWER[0]))[0] == ["edit"]


async def test_what_is_refused_does_not_count_against_its_room() -> None:
    side = Side(heard=False, room_frames_per_s=0.001, room_frames_burst=1)
    await forwarded(side, *NEWER[:4])
    assert (await forwarded(side, FIRST[1]))[0] == ["chat"]


@given(st.lists(st.tuples(st.integers(0, SHARDS - 1), st.integers(1, WIRE + 1)), max_size=30))
def test_as_long_as_nothing_is_mixed_every_shard_reads_all(heard: list[tuple[int, int]]) -> None:
    owners, now = Owners(SHARDS, WIRE), dict[int, int]()
    for sequence, (shard, version) in enumerate(heard):
        owners.heard(shard_queue(shard), sequence, version)
        now[shard] = version
        assert owners.mixed == (len(now) < SHARDS or min(now.values()) < WIRE)
        for each in range(SHARDS):
            assert owners.read(shard_queue(each), WIRE) == (each in now and min(now.values()) >= WIRE)
