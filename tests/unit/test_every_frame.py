"""No frame can be forgotten: each type says what becomes of it, and gateway and router do that."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from services.router.core.changes import Item
from services.router.core.step import _FRAMES
from shared.bus.topology import FILES, shard_queue
from shared.protocol.bus import WIRE, Submit
from shared.protocol.client import CLIENT_FRAME, MADE_SINCE, ClientBase, ClientFrame, read_since, room_of
from shared.protocol.names import shard_of
from shared.protocol.server import User
from tests.unit.gateway_side import SHARDS, Side, framed

EXAMPLES: list[dict[str, Any]] = [
    {"type": "auth", "token": "olena"},
    {"type": "join", "room": "r"},
    {"type": "resume", "rooms": [{"room": "r", "after": 1}]},
    {"type": "leave", "room": "r"},
    {"type": "rooms"},
    {"type": "chat", "room": "r", "id": "i", "text": "t"},
    {"type": "file", "room": "r", "id": "i", "name": "n", "data": "data:;base64,AA"},
    {"type": "edit", "room": "r", "id": "i", "of": 1, "text": "t"},
    {"type": "delete", "room": "r", "id": "i", "of": 1},
    {"type": "react", "room": "r", "id": "i", "of": 1, "emoji": "👍", "on": True},
    {"type": "pin", "room": "r", "id": "i", "of": 1, "on": True},
    {"type": "history", "room": "r"},
    {"type": "typing", "room": "r"},
    {"type": "read", "room": "r", "seq": 1},
    {"type": "ping"},
    {"type": "create", "id": "i", "title": "t", "users": []},
    {"type": "direct", "id": "i", "users": ["u"]},
    {"type": "invite", "room": "r", "id": "i", "user": "u"},
    {"type": "remove", "room": "r", "id": "i", "user": "u"},
    {"type": "role", "room": "r", "id": "i", "user": "u", "role": "owner"},
    {"type": "settings", "room": "r", "id": "i", "archived": True},
    {"type": "people", "q": "o"},
    {"type": "notify", "room": "r", "level": "none"},
]
FIRST: dict[str, set[str]] = {
    "auth": {"token"}, "join": {"room", "after"}, "leave": {"room"}, "rooms": set(), "chat": {"room", "id", "text"},
    "file": {"room", "id", "name", "data"}, "history": {"room", "before", "after", "limit"}, "typing": {"room"},
    "read": {"room", "seq"}, "ping": set(),
}  # fmt: skip
"""The frames with their fields, beside `type` and `ref`, that routers of the first version of the wire read."""
UNION, _ = get_args(ClientFrame)
TYPES: tuple[type[ClientBase], ...] = get_args(UNION)


def parsed(example: dict[str, Any]) -> ClientFrame:
    return CLIENT_FRAME.validate_json(json.dumps(example))


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_declares_itself_what_becomes_of_it(kind: type[ClientBase]) -> None:
    assert {"scope", "kind", "read_only", "since"} <= set(vars(kind))


def test_each_type_is_one_that_clients_may_send() -> None:
    assert set(ClientBase.__subclasses__()) == set(TYPES)


def test_there_is_an_example_of_each_type() -> None:
    assert {type(parsed(example)) for example in EXAMPLES} == set(TYPES)


def with_all_its_fields(kind: type[ClientBase]) -> list[ClientFrame]:
    """The example of the type with each of its fields, set to null where it may be left out."""
    (example,) = (e for e in EXAMPLES if type(parsed(e)) is kind)
    return [parsed({field: None} | example) for field in kind.model_fields if field != "limit"]


def test_what_names_a_room_that_the_server_made_is_not_for_older_routers() -> None:
    for example in EXAMPLES:
        if "room" in example:
            assert read_since(parsed(example | {"room": "~r"})) >= MADE_SINCE


@pytest.mark.parametrize("kind", TYPES)
def test_a_frame_or_a_field_that_the_first_routers_cannot_read_says_so(kind: type[ClientBase]) -> None:
    for frame in with_all_its_fields(kind):
        first = frame.model_fields_set - {"type", "ref"} <= FIRST.get(frame.type, set()) and frame.type in FIRST
        assert (read_since(frame) == 1) == first
        assert read_since(frame) <= WIRE


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_not_read_by_every_router_goes_to_routers(kind: type[ClientBase]) -> None:
    """The gateway knows which version the owner of a shard speaks, and nothing of the files service's."""
    assert vars(kind)["since"] == 1 or vars(kind)["scope"] in ("room", "rooms", "person")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: str(e["type"]))
async def test_the_gateway_answers_each_frame_or_sends_it_where_its_type_says(example: dict[str, Any]) -> None:
    side, frame = Side(), parsed(example)
    connection, transport = await side.client("olena")
    connection.data_received(framed(json.dumps(example).encode()))
    sent = {queue: messages for queue, messages in (await side.sent()).items() if messages}
    if frame.scope == "connection":
        await transport.hears(b'{"type":')
        assert not sent
        return
    ((queue, [submit]),) = sent.items()
    assert isinstance(submit, Submit)
    assert (submit.frame, submit.user.id) == (frame, "olena")
    assert (submit.question is not None) == (frame.kind == "question")
    about = {"person": submit.session, "rooms": "r"}.get(frame.scope) or room_of(frame, "olena")
    assert queue == (FILES if frame.scope == "files" else shard_queue(shard_of(about, SHARDS)))


def test_a_router_knows_what_each_frame_about_a_room_does() -> None:
    assert set(_FRAMES) == {kind for kind in TYPES if vars(kind)["scope"] in ("room", "rooms")}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: str(e["type"]))
def test_a_router_finds_a_message_again_by_its_id_and_keeps_all_that_changes_something(example: dict[str, Any]) -> None:
    frame = parsed(example)
    item = Item(Submit(address="a", session="s", user=User(id="u", name="U"), frame=frame))
    assert item.idempotency_key == (("u", "i") if frame.kind == "entry" else None)
    assert item.is_read_only == (example["type"] in ("history", "rooms", "people", "ping"))
