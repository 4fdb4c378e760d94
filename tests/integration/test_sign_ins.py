"""Every sign-in by password is told to the routers: with its session, never without, on both databases; and is then in
the person's own log. docs/protocol.md, "Rooms of some"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from services.accounts import sign_in_notices, store
from services.accounts.sign_in_notices import KEPT_S
from services.accounts.tables import sessions, sign_ins
from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import OWN_LOGS, shard_queues
from shared.protocol.bus import SignedIn
from shared.protocol.codec import decode, encode, pack
from shared.protocol.room_names import own_room
from shared.runtime.database import open_engine
from tests.integration import accounts_deployment, gateway_deployment
from tests.integration.accounts_deployment import Deployment, deployed
from tests.integration.gateway_deployment import eventually
from tests.integration.test_accounts_http import OLENA, bearer, post
from tests.integration.wire import Wire

database_url = pytest.fixture(params=["sqlite", "postgresql"])(accounts_deployment.database_url)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_notices, "AGAIN_S", 0.02)


@pytest.fixture
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    async with deployed(database_url) as deployment:
        yield deployment


async def told(broker: Broker, number: int) -> list[SignedIn]:
    """What waits for routers, as soon as it is so many bodies."""
    await eventually(lambda: len(broker.queue(OWN_LOGS).ready) >= number)
    bodies = [body for body, _ in broker.queue(OWN_LOGS).ready]
    return [message for body in bodies for message in decode(body)[0].messages if isinstance(message, SignedIn)]


async def rows(deployment: Deployment) -> list[Any]:
    """What is noted."""
    engine = open_engine(deployment.settings.database_url)
    try:
        async with engine.connect() as connection:
            return list((await connection.execute(select(sign_ins).order_by(sign_ins.c.at, sign_ins.c.id))).all())
    finally:
        await engine.dispose()


async def all_marked(deployment: Deployment) -> list[str]:
    """Returns once the bus has taken all that is noted: the ids of that."""
    async with asyncio.timeout(10):
        while True:
            noted = await rows(deployment)
            if all(row.told_at is not None for row in noted):
                return [row.id for row in noted]
            await asyncio.sleep(0.01)


async def login(deployment: Deployment, **more: Any) -> httpx.Response:
    async with deployment.client(headers={"User-Agent": FIREFOX}, **more) as browser:
        return await post(browser, "login", OLENA)


async def registered(deployment: Deployment) -> str:
    async with deployment.client() as browser:
        return str((await post(browser, "register", OLENA)).json()["user"]["id"])


# ── what accounts tell ──


async def test_a_sign_in_is_told_with_the_device_and_the_address(deployment: Deployment) -> None:
    user = await registered(deployment)
    answer = await login(deployment, address="192.0.2.77")
    (message,) = await told(deployment.broker, 1)
    assert (message.user.id, message.user.name, message.room) == (user, "Олена", own_room(user))
    assert (message.device.name, message.device.address) == (FIREFOX, "192.0.2.77")
    assert (message.id, message.id[0]) == (answer.json()["entry"], "~"), "so this device knows its own entry"


async def test_neither_guests_nor_registration_nor_renewal_nor_a_refused_password_are_told(
    deployment: Deployment,
) -> None:
    async with deployment.client() as browser:
        assert "entry" not in (await post(browser, "guest", {"name": "Гість"})).json()
        mine = await post(browser, "register", OLENA)
        assert (await post(browser, "refresh")).status_code == 200
        assert (await post(browser, "login", {**OLENA, "password": "не той"})).status_code == 401
        change = {"password": OLENA["password"], "new": "хіба ревуть воли"}
        assert (await post(browser, "password", change, headers=bearer(mine))).status_code == 200
    assert await rows(deployment) == []
    assert not deployment.broker.queue(OWN_LOGS).ready


async def test_there_is_no_session_without_its_notice(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    await registered(deployment)

    async def fails(*_: object) -> None:
        raise RuntimeError("the process dies here")

    monkeypatch.setattr(store, "note", fails)
    assert (await login(deployment)).status_code == 500
    engine = open_engine(deployment.settings.database_url)
    async with engine.connect() as connection:
        assert len((await connection.execute(select(sessions))).all()) == 1, "the one that registration has opened"
    await engine.dispose()


async def test_a_sign_in_does_not_wait_for_a_bus_that_is_away_and_is_told_once_it_is_back(
    deployment: Deployment,
) -> None:
    await registered(deployment)
    deployment.bus.connected = False
    answers = [await login(deployment) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert [row.told_at for row in await rows(deployment)] == [None] * 3
    deployment.bus.connected = True
    messages = await told(deployment.broker, 1)
    assert {message.id for message in messages} == {answer.json()["entry"] for answer in answers}


async def test_what_a_process_noted_and_did_not_tell_the_next_one_tells(database_url: str) -> None:
    broker = Broker()
    async with deployed(database_url, broker=broker) as first:
        await registered(first)
        first.bus.connected = False
        entry = (await login(first)).json()["entry"]
    assert not broker.queue(OWN_LOGS).ready
    async with deployed(database_url, broker=broker) as second:
        assert [message.id for message in await told(broker, 1)] == [entry]
        await all_marked(second)


async def test_what_was_told_and_may_be_lost_with_its_bus_is_told_again_as_the_same_entry(database_url: str) -> None:
    async with deployed(database_url) as first:
        await registered(first)
        entry = (await login(first)).json()["entry"]
        await all_marked(first)
    async with deployed(database_url) as second:  # on a bus that knows of nothing, as that of one process
        assert [message.id for message in await told(second.broker, 1)] == [entry]


async def test_what_was_told_long_ago_is_forgotten(deployment: Deployment) -> None:
    await registered(deployment)
    await login(deployment)
    await all_marked(deployment)
    deployment.ahead_s = KEPT_S + 60
    latest = (await login(deployment)).json()["entry"]
    async with asyncio.timeout(10):
        while (kept := await all_marked(deployment)) != [latest]:
            assert latest in kept


async def test_what_older_routers_cannot_read_waits_for_one_that_can(deployment: Deployment) -> None:
    older = await MemoryBus(deployment.broker).consume(shard_queues(deployment.settings.shards), "old", 100)
    await registered(deployment)
    entry = (await login(deployment)).json()["entry"]
    await all_marked(deployment)
    assert not older.unacked, "they read the shards alone"
    newer = await MemoryBus(deployment.broker).consume([OWN_LOGS], "new", 100)
    (delivery,) = await newer.get()
    assert [message.id for message in decode(delivery.body)[0].messages if isinstance(message, SignedIn)] == [entry]


# ── what people find ──


@asynccontextmanager
async def session(home: gateway_deployment.Deployment, answer: httpx.Response) -> AsyncIterator[Wire]:
    """A client with the token of `answer`, in its own log."""
    async with home.wire() as wire:
        await wire.send({"type": "auth", "token": answer.json()["token"]})
        await wire.send({"type": "join", "room": (await wire.of("welcome"))["me"], "ref": "own"})
        yield wire


async def test_every_session_finds_it_once_and_nobody_else_can(tmp_path: Path) -> None:
    async with gateway_deployment.deployed(tmp_path, accounts=True, frames_per_s=0) as home, home.http() as http:
        first = await post(http, "register", OLENA)
        async with session(home, first) as here:
            assert (await here.of("joined"))["seq"] == 0, "registration is none"
            headers = {"User-Agent": FIREFOX, "X-Forwarded-For": "203.0.113.9"}
            second = await post(http, "login", OLENA, headers=headers)
            heard = await here.of("message")
            assert (heard["kind"], heard["from"]["id"]) == ("signed_in", first.json()["user"]["id"])
            assert (heard["id"], heard["seq"]) == (second.json()["entry"], 1)
            assert (heard["device"]["name"], heard["device"]["address"]) == (FIREFOX, "203.0.113.9")
            async with session(home, second) as there:
                assert [entry["id"] for entry in (await there.of("joined"))["messages"]] == [heard["id"]]
                again = SignedIn.model_validate({"user": heard["from"], "id": heard["id"], "device": heard["device"]})
                await MemoryBus(home.broker).publish(OWN_LOGS, encode("accounts.again", [pack(again)]))
                third = await post(http, "login", OLENA)
                for wire in (here, there):
                    assert (await wire.of("message"))["id"] == third.json()["entry"]
                await there.send({"type": "history", "room": own_room(heard["from"]["id"])})
                listed = (await there.of("history"))["messages"]
                assert [entry["id"] for entry in listed] == [heard["id"], third.json()["entry"]]
        async with home.wire("taras") as taras:
            await taras.send({"type": "join", "room": own_room(heard["from"]["id"])})
            assert (await taras.of("joined", "error"))["code"] == "no_such_room"


async def test_it_is_not_unread_for_the_person_it_is_from(tmp_path: Path) -> None:
    async with gateway_deployment.deployed(tmp_path, accounts=True, frames_per_s=0) as home, home.http() as http:
        registered = await post(http, "register", OLENA)
        async with session(home, registered) as here:
            await here.of("joined")
            await post(http, "login", OLENA)
            await here.of("message")
            await here.send({"type": "rooms"})
            (mine,) = (await here.of("rooms"))["rooms"]
            assert (mine["seq"], mine["unread"], mine["last"]["kind"]) == (1, 0, "signed_in")
