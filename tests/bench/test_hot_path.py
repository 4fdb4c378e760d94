"""Micro-benchmarks of what every message passes: parse, route, render, frame, fan out. `make bench-micro` prints them.

In the ordinary test run each is called once, as a test that it still works (`--benchmark-disable`).
"""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

from pytest_benchmark.fixture import BenchmarkFixture

from services.gateway.core.parsing import Bounds, parse
from services.gateway.core.subscriptions import Subscriptions
from services.gateway.framing import Framing
from services.router.core.changes import Item
from services.router.core.deliveries import deliveries
from services.router.core.outgoing import Out
from services.router.core.room import Member, Room, Subscription
from services.router.core.step import step
from shared.core.bucket import Bucket
from shared.protocol.bus import Submit
from shared.protocol.client import Chat
from shared.protocol.codec import decode, encode, render_message, submit_prefix
from shared.protocol.server import User
from tests.unit.gateway_side import Side, framed

TEXT = "Добрий ранок! Хто вже на місці? " * 5
RAW = Chat(type="chat", room="кухня", id="01M82Y9DBK0H8DVRDY6ZM18JWN", text=TEXT).model_dump_json().encode()
BOUNDS = Bounds(8_000, 1 << 19)
ANNA = User(id="5bd2431976e11cafa69591e934c06640", name="Анна")
BATCH = 50


def body() -> bytes:
    """What a busy gateway sends to a shard."""
    prefix = submit_prefix("mailbox.gateway.g1.1", "session", ANNA)
    return encode("gateway.g1", [prefix + RAW + b"}" for _ in range(BATCH)])


def room(members: int, gateways: int) -> Room:
    subscriptions = {f"s{n}": Subscription(f"u{n}", f"mailbox.g{n % gateways}") for n in range(members)}
    empty = Room("кухня", True, subscriptions=subscriptions)
    for n in range(members):
        empty.members[f"u{n}"] = Member(f"u{n}")
    empty.members[ANNA.id] = Member(ANNA.name)
    return empty


def test_parse_a_chat_frame(benchmark: BenchmarkFixture) -> None:
    frame = benchmark(parse, RAW, BOUNDS)
    assert isinstance(frame, Chat)


async def test_take_a_chat_frame_from_the_socket_to_its_queue(benchmark: BenchmarkFixture) -> None:
    side = Side(frames_per_s=0, room_frames_per_s=0)
    connection, _ = await side.client("anna")
    with patch("services.gateway.forward.SHARE", 1 << 30):
        benchmark(connection.data_received, framed(RAW))
    assert any((await side.sent()).values())


def test_count_a_frame(benchmark: BenchmarkFixture) -> None:
    bucket = Bucket(20, 40, 0.0)
    benchmark(bucket.take, 1.0)


def test_read_a_body_of_fifty_frames(benchmark: BenchmarkFixture) -> None:
    read, _ = benchmark(decode, body())
    assert len(read.messages) == BATCH


def test_route_fifty_chats_to_a_room_on_two_gateways(benchmark: BenchmarkFixture) -> None:
    submit = Submit(
        address="mailbox.g0", session="s0", user=ANNA, frame=Chat(type="chat", room="кухня", id="x", text=TEXT)
    )
    serial = 0

    def fresh() -> tuple[tuple[Room, Sequence[Item], int], dict[str, object]]:
        nonlocal serial
        items = []
        for _ in range(BATCH):
            serial += 1
            chat = submit.frame.model_copy(update={"id": f"id{serial}"})
            items.append(Item(submit.model_copy(update={"frame": chat})))
        return (room(10, 2), items, 1_700_000_000_000), {}

    def route(room: Room, items: Sequence[Item], now_ms: int) -> list[Out]:
        changes = step(room, items, now_ms)
        return deliveries(changes.room, changes.events)

    outs: list[Out] = benchmark.pedantic(route, setup=fresh, rounds=200)  # type: ignore[no-untyped-call]
    assert sum(len(out.payload) for out in outs) >= BATCH


def test_render_a_message(benchmark: BenchmarkFixture) -> None:
    benchmark(render_message, "кухня", 17, "id", "chat", ANNA.id, ANNA.name, 1_700_000_000_123, TEXT)


def test_frame_a_message(benchmark: BenchmarkFixture) -> None:
    rendered = render_message("кухня", 17, "id", "chat", ANNA.id, ANNA.name, 1_700_000_000_123, TEXT)
    framing = Framing(1 << 10)
    assert rendered in benchmark(lambda: framing.framed(rendered).plain)


class _Subscriber:
    def __init__(self, session: str) -> None:
        self.session, self.written = session, 0

    def write(self, data: bytes, droppable: bool) -> None:
        self.written += len(data)


def test_fan_out_to_a_thousand_seats(benchmark: BenchmarkFixture) -> None:
    """The loop over a room's subscriptions, without the socket beneath."""
    subscriptions: Subscriptions[_Subscriber] = Subscriptions()
    for n in range(1_000):
        subscriptions.add("кухня", _Subscriber(f"s{n}"), 0)
    feed = subscriptions.feed("кухня")
    assert feed is not None
    data = b"x" * 300

    def fan_out() -> None:
        for subscriber in list(feed.subscribers.values()):
            if subscriber.session != "s0":
                subscriber.write(data, False)

    benchmark(fan_out)
    assert feed.subscribers["s0"].written == 0
    assert len({subscriber.written for subscriber in feed.subscribers.values()}) == 2, "all others got the same"
