"""The client's shell: it dials, authenticates, comes back or does not, renews its token, and tells what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from typing import Any

import pytest
import uvloop

from shared.client import (
    Arrived,
    Client,
    Closed,
    Connected,
    Disconnected,
    Lost,
    Options,
    Person,
    Refused,
    SignInNeeded,
    Token,
    TokenSource,
    fixed,
)
from tests.recording import JsonLines, recorded

PATIENCE_S = 10
URL = "ws://a/ws"


class FakeSocket:
    """The server's side is the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.up: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.down: asyncio.Queue[bytes | Closed] = asyncio.Queue()
        self.cuts = self.closes = 0

    async def send(self, text: str) -> None:
        self.up.put_nowait(json.loads(text))

    async def receive(self) -> bytes:
        frame = await self.down.get()
        if isinstance(frame, Closed):
            raise frame
        return frame

    async def close(self) -> None:
        self.closes += 1
        self.end(1000)

    def cut(self) -> None:
        self.cuts += 1
        self.end(1006)

    def say(self, frame: object) -> None:
        self.down.put_nowait(json.dumps(frame).encode())

    def end(self, code: int) -> None:
        self.down.put_nowait(Closed(code, "over"))

    async def frame(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while (frame := await self.up.get())["type"] != kind:
                pass
        return frame

    async def welcome(self, session: str = "s-1", **changed: Any) -> dict[str, Any]:
        """Waits for `auth`, welcomes, and gives the `auth` frame."""
        auth = await self.frame("auth")
        user = {"id": "me", "name": "me"}
        self.say({"type": "welcome", "user": user, "session": session, "epoch": "e", "heartbeat_s": 1000.0, **changed})
        return auth


class Network:
    """Dials to it arrive here."""

    def __init__(self) -> None:
        self.dialled: asyncio.Queue[FakeSocket] = asyncio.Queue()
        self.urls: list[str] = []
        self.refuses = 0

    async def dial(self, url: str) -> FakeSocket:
        self.urls.append(url)
        if self.refuses:
            self.refuses -= 1
            raise Closed(1006, "refused")
        socket = FakeSocket(url)
        self.dialled.put_nowait(socket)
        return socket

    async def socket(self) -> FakeSocket:
        async with asyncio.timeout(PATIENCE_S):
            return await self.dialled.get()


Make = Callable[..., Client]


@pytest.fixture
async def network() -> Network:
    return Network()


@pytest.fixture
async def make(network: Network) -> AsyncIterator[Make]:
    made: list[Client] = []

    def make(urls: tuple[str, ...] = (URL,), token: TokenSource | None = None, **changed: Any) -> Client:
        recorder = changed.pop("recorder", None)
        source = token or fixed("t")
        client = recorded(Client(urls, source, dial=network.dial, options=Options(**changed)), recorder)
        made.append(client)
        client.start()
        return client

    yield make
    await asyncio.gather(*(client.stop() for client in made))


async def within(what: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await what


async def test_the_first_frame_is_auth_and_the_welcome_is_given(network: Network, make: Make) -> None:
    client = make()
    auth = await (await network.socket()).welcome()
    assert auth == {"type": "auth", "token": "t"}
    assert (await within(client.connected()))["session"] == "s-1"


async def test_nothing_else_is_sent_before_the_welcome(network: Network, make: Make) -> None:
    client = make()
    client.join("r")
    client.chat("r", "x")
    socket = await network.socket()
    await socket.frame("auth")
    assert socket.up.empty()
    assert not client.send({"type": "ping"})


async def test_after_a_lost_connection_the_next_gateway_is_tried(network: Network, make: Make) -> None:
    client = make(("ws://a/ws", "ws://b/ws", "ws://c/ws"))
    told = client.events()
    network.refuses = 0
    for _ in range(4):
        socket = await network.socket()
        socket.end(1006)
        assert isinstance(await within(anext(told)), Lost)
        client.hurry()
    assert network.urls[:4] == ["ws://a/ws", "ws://b/ws", "ws://c/ws", "ws://a/ws"]


async def test_it_waits_before_it_comes_back_and_hurry_cuts_that_short(network: Network, make: Make) -> None:
    client = make()
    told = client.events()
    (await network.socket()).end(4002)
    lost = await within(anext(told))
    assert isinstance(lost, Lost)
    assert lost.code == 4002
    assert lost.retry_in_s is not None
    assert 0.5 <= lost.retry_in_s <= 1.0
    client.hurry()
    await network.socket()


@pytest.mark.parametrize("code", [4501, 4502, 4503, 4504, 1000, 1009])
async def test_a_final_close_code_ends_the_client(network: Network, make: Make, code: int) -> None:
    client = make()
    told = client.events()
    sent, joined = client.chat("r", "x"), client.join("r")
    socket = await network.socket()
    await socket.welcome()
    await within(client.connected())
    socket.end(code)
    with pytest.raises(Closed):
        await within(client.until(lambda: False))
    for future in (sent, joined, client.chat("r", "y"), client.rooms()):
        with pytest.raises(Disconnected):
            await within(future)
    assert [type(e) for e in [e async for e in told]] == [Connected, Lost]
    assert client.ended is not None
    assert client.ended.code == code


@pytest.mark.parametrize("refused", [False, True])
async def test_4501_is_final_only_when_the_token_was_refused(network: Network, make: Make, refused: bool) -> None:
    """Without an error before it the token was merely late."""
    client = make()
    told = client.events()
    socket = await network.socket()
    if refused:
        socket.say({"type": "error", "code": "unauthorized", "text": "No.", "retryable": False})
    socket.end(4501)
    while not isinstance(lost := await within(anext(told)), Lost):
        pass
    assert (lost.retry_in_s is None) == refused


async def test_a_token_that_cannot_be_had_any_more_ends_the_client(network: Network, make: Make) -> None:
    async def source() -> Token:
        raise SignInNeeded("sign in")

    client = make(token=source)
    with pytest.raises(Closed) as closed:
        await within(client.connected())
    assert closed.value.code == 4501
    assert network.urls == []


async def test_a_token_that_cannot_be_had_now_is_asked_for_again(network: Network, make: Make) -> None:
    tries = 0

    async def source() -> Token:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("no network")
        return Token(f"t-{tries}")

    client = make(token=source)
    assert isinstance(await within(anext(client.events())), Lost)
    assert (tries, client.connection) == (1, 1)
    client.hurry()
    assert (await (await network.socket()).welcome())["token"] == "t-2"


async def test_a_token_is_renewed_on_the_live_connection(network: Network, make: Make) -> None:
    tokens = iter([Token("t-1", 1.0), Token("t-2", 1_000.0)])

    async def source() -> Token:
        return next(tokens)

    client = make(token=source)
    socket = await network.socket()
    assert (await socket.welcome())["token"] == "t-1"
    assert (await socket.welcome())["token"] == "t-2"
    await within(client.until(lambda: socket.down.empty()))
    assert client.connection == 1


async def test_a_server_that_does_not_welcome_in_time_is_left(network: Network, make: Make) -> None:
    client = make(connect_s=0.1)
    told = client.events()
    socket = await network.socket()
    lost = await within(anext(told))
    assert isinstance(lost, Lost)
    assert (lost.code, lost.reason) == (1006, "no welcome in time")
    assert socket.cuts == 1


async def test_a_silent_server_is_asked_for_a_sign_of_life_and_then_left(network: Network, make: Make) -> None:
    client = make(heartbeat_s=0.1)
    socket = await network.socket()
    await socket.welcome()
    await socket.frame("ping")
    socket.say({"type": "pong"})
    await socket.frame("ping")
    await within(client.until(lambda: socket.cuts > 0))


async def test_an_announced_end_is_not_waited_for_for_ever(network: Network, make: Make) -> None:
    client = make()
    told = client.events()
    socket = await network.socket()
    await socket.welcome()
    socket.say({"type": "reconnect", "after_ms": 20})
    assert isinstance(await within(anext(told)), Connected)
    lost = await within(anext(told))
    assert isinstance(lost, Lost)
    assert lost.code == 1006
    assert socket.cuts >= 1


async def test_what_is_no_frame_is_ignored(network: Network, make: Make) -> None:
    client = make()
    socket = await network.socket()
    await socket.welcome()
    for data in (b"", b"{", b"[]", b"null", b'{"type":1}', b'{"x":1}', b'"x"'):
        socket.down.put_nowait(data)
    socket.say({"type": "error", "code": "overloaded", "text": "", "retryable": True})
    told = client.events()
    await within(client.until(lambda: socket.down.empty()))
    assert client.welcome is not None
    await client.stop()
    assert [e async for e in told][-1:] == [Lost(1000, "over", None)], "it was not lost before it was stopped"
    assert client.connection == 1


def message(seq: int, sender: str = "you", id: str | None = None) -> dict[str, Any]:
    return {
        "type": "message", "room": "r", "seq": seq, "id": id or f"m-{seq}", "kind": "chat",
        "from": {"id": sender, "name": sender}, "at": "", "text": str(seq),
    }  # fmt: skip


def pin(seq: int, of: int, id: str) -> dict[str, Any]:
    sender = {"id": "me", "name": "me"}
    common = {"type": "change", "room": "r", "seq": seq, "id": id, "kind": "pin", "from": sender, "at": ""}
    return {**common, "of": of, "on": True}


async def in_a_room(network: Network, client: Client) -> FakeSocket:
    """A client that has joined an empty room."""
    socket = await network.socket()
    await socket.welcome()
    joined = client.join("r")
    ref = (await socket.frame("join"))["ref"]
    socket.say({
        "type": "joined", "room": "r", "seq": 0, "members": 1, "online": [], "messages": [], "more": False, "ref": ref,
    })  # fmt: skip
    await within(joined)
    return socket


async def test_a_reader_that_is_too_slow_holds_up_the_connection_and_not_the_memory(
    network: Network, make: Make
) -> None:
    client = make(stream=10)
    socket = await in_a_room(network, client)
    stream = client.events()
    for seq in range(1, 101):
        socket.say(message(seq))
    await within(client.caught_up("r", 11))
    for _ in range(100):
        await asyncio.sleep(0)
    assert client.room("r").log.whole == 11
    seen = [await within(anext(stream)) for _ in range(100)]
    assert [e.message.seq for e in seen if isinstance(e, Arrived)] == list(range(1, 101))


async def test_a_stream_that_is_closed_holds_up_nothing(network: Network, make: Make) -> None:
    client = make(stream=10)
    socket = await in_a_room(network, client)
    stream = client.events()
    for seq in range(1, 101):
        socket.say(message(seq))
    await within(client.caught_up("r", 11))
    await stream.aclose()
    await within(client.caught_up("r", 100))
    assert [e async for e in stream] == []


async def test_the_history_of_a_client_tells_what_it_did_and_saw(network: Network, make: Make) -> None:
    out = BytesIO()
    client = make(recorder=JsonLines(out))
    socket = await in_a_room(network, client)
    sent = client.chat("r", "x", id="m-1")
    await socket.frame("chat")
    socket.say(message(1, "me", "m-1"))
    assert (await within(sent)).seq == 1
    socket.say(message(3))
    history = await socket.frame("history")
    socket.say(
        {
            "type": "history", "room": "r", "seq": 3, "messages": [message(2), message(3)], "more": False,
            "ref": history["ref"],
        }
    )  # fmt: skip
    await within(client.caught_up("r", 3))
    pinned = client.pin("r", 2, id="c-1")
    assert (await socket.frame("pin")) == {"type": "pin", "room": "r", "id": "c-1", "of": 2, "on": True}
    socket.say(pin(4, 2, "c-1"))
    assert (await within(pinned)).of == 2
    await client.stop()
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(r["kind"], r.get("seq")) for r in records] == [
        ("open", None), ("joined", 0), ("caught_up", 0), ("write", None), ("send", None), ("receive", 1), ("ack", 1),
        ("show", 1), ("receive", 3), ("receive", 2), ("receive", 3), ("show", 2), ("show", 3), ("caught_up", 3),
        ("write", None), ("send", None), ("receive", 4), ("ack", 4), ("show", 4),
        ("close", None), ("state", None), ("stop", None),
    ]  # fmt: skip
    assert {r["connection"] for r in records} == {1}
    assert [r["at"] for r in records] == sorted(r["at"] for r in records)
    assert [r["via"] for r in records if r["kind"] == "receive"] == ["live", "live", "history", "history", "live"]
    [state] = [r for r in records if r["kind"] == "state"]
    assert (state["room"], state["whole"]) == ("r", 4)
    assert [(m["seq"], m.get("pinned")) for m in state["messages"]] == [(1, None), (2, True), (3, None)]


async def test_what_is_changed_goes_out_as_it_was_asked_for(network: Network, make: Make) -> None:
    client = make(in_flight=9)
    socket = await in_a_room(network, client)
    client.edit("r", 1, "better", id="a")
    client.delete("r", 2, id="b")
    client.react("r", 3, "👍", id="c")
    client.react("r", 6, "👍", on=False, id="d")
    client.pin("r", 4, id="e")
    client.chat("r", "an answer", id="f", reply_to=5)
    common = {"room": "r"}
    expected: list[dict[str, Any]] = [
        {"type": "edit", "id": "a", "of": 1, "text": "better"},
        {"type": "delete", "id": "b", "of": 2},
        {"type": "react", "id": "c", "of": 3, "emoji": "👍", "on": True},
        {"type": "react", "id": "d", "of": 6, "emoji": "👍", "on": False},
        {"type": "pin", "id": "e", "of": 4, "on": True},
        {"type": "chat", "id": "f", "text": "an answer", "reply_to": 5},
    ]
    for frame in expected:
        assert await within(socket.up.get()) == {**frame, **common}


async def test_rooms_of_some_are_made_and_governed_as_it_was_asked_for(network: Network, make: Make) -> None:
    client = make(in_flight=9)
    socket = await in_a_room(network, client)
    created = client.create("title", users=["u"], id="a")
    client.create("title", "topic", id="b")
    client.direct(["u"], id="c")
    client.invite("r", "u", id="d")
    client.remove("r", "u", id="e")
    client.give_role("r", "u", "owner", id="f")
    client.set("r", topic="", archived=True, id="g")
    found = asyncio.ensure_future(client.people("An"))
    expected: list[dict[str, Any]] = [
        {"type": "create", "id": "a", "title": "title", "users": ["u"], "ref": "q 2"},
        {"type": "create", "id": "b", "title": "title", "topic": "topic", "users": [], "ref": "q 3"},
        {"type": "direct", "id": "c", "users": ["u"], "ref": "q 4"},
        {"type": "invite", "room": "r", "id": "d", "user": "u"},
        {"type": "remove", "room": "r", "id": "e", "user": "u"},
        {"type": "role", "room": "r", "id": "f", "user": "u", "role": "owner"},
        {"type": "settings", "room": "r", "id": "g", "topic": "", "archived": True},
        {"type": "people", "q": "An", "ref": "q 5"},
    ]
    for frame in expected:
        assert await within(socket.up.get()) == frame
    socket.say({"type": "people", "people": [{"id": "u", "name": "Ann"}], "ref": "q 5"})
    assert await within(found) == [Person("u", "Ann", None)]
    socket.say({"type": "error", "code": "no_such_user", "text": "No.", "retryable": False, "ref": "q 2"})
    with pytest.raises(Refused, match="no_such_user: No"):
        await within(created)


async def test_a_timer_that_was_cancelled_moves_no_clock_ahead() -> None:
    client = Client([URL], fixed("t"))
    connection, timers = client._connection, client.session._timers
    connection.wind()
    soon = timers.after(0.01, lambda: None)
    connection.arm()
    soon.cancel()
    timers.after(60.0, lambda: pytest.fail("it is not due"))
    connection._due()  # as the loop does, which knows nothing of that
    assert timers.now < asyncio.get_running_loop().time() + 1


def test_a_timer_that_is_due_already_breaks_nothing_on_uvloop() -> None:
    """uvloop gives a handle that does not know its time, where asyncio gives one that does."""

    async def main() -> None:
        client = Client([URL], fixed("t"))
        connection, timers = client._connection, client.session._timers
        fired = asyncio.Event()
        connection.wind()
        timers.after(-1.0, fired.set)
        connection.arm()
        timers.after(-0.5, fired.set)
        connection.arm()
        async with asyncio.timeout(PATIENCE_S):
            await fired.wait()

    uvloop.run(main())
