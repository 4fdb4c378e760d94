"""Answers that list messages stay small however long the messages are, and no question stays without an answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from services.router.core.pages import ANSWER_BYTES
from tests.integration.gateway_deployment import deployed, eventually
from tests.integration.wire import Wire

LONG = "ж" * 8_000  # 16 KB
FIT = ANSWER_BYTES // (2 * len(LONG))


async def test_a_room_of_long_texts_comes_in_pages_and_whole(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=0, room_frames_per_s=0) as home,
        home.client("olena", in_flight=32, keep=None) as olena,
        home.client("taras", keep=None) as taras,
    ):
        await olena.join("r")
        await asyncio.gather(*[olena.chat("r", LONG) for _ in range(260)])  # the first ones are in the store alone
        joined = await taras.join("r", after=0)
        assert ([m["seq"] for m in joined["messages"]], joined["more"]) == (list(range(1, FIT + 1)), True)
        await taras.caught_up("r", 260)
        assert [m.seq for m in taras.room("r").log.messages] == list(range(1, 261))
        for before in (261, 30):  # in memory, and not
            page = await olena.history("r", before=before)
            assert ([m.seq for m in page.messages], page.more) == (list(range(before - FIT, before)), True)
        page = await olena.history("r", after=30)
        assert ([m.seq for m in page.messages], page.more) == (list(range(31, 31 + FIT)), True)


async def test_a_list_of_rooms_shows_as_many_last_messages_as_fit_and_of_all_when_they_came(tmp_path: Path) -> None:
    names = [f"r{n}" for n in range(30)]
    async with deployed(tmp_path, frames_per_s=0) as home, home.client("olena") as olena:
        for name in names:
            await olena.join(name)
            await olena.chat(name, LONG)
        await olena.join("empty")
        listed = (await olena.rooms())["rooms"]
        said = [room for room in listed if room["seq"]]
        assert [room["room"] for room in said] == names[::-1]
        assert [room["room"] for room in said if "last" in room] == names[::-1][:FIT]
        assert not [room for room in listed if room["room"] == "empty" and {"last", "last_at"} & set(room)]
        times = [room["last"]["at"] if "last" in room else room["last_at"] for room in said]
        assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("outbox_bytes", [32 << 20, 1 << 20])
async def test_a_thousand_joins_at_once_are_all_answered(tmp_path: Path, outbox_bytes: int) -> None:
    """Where the answers do not fit into the outbox, some are told to ask again, soon; nobody waits in vain."""
    rooms, clients, answers = [f"r{n}" for n in range(10)], 100, Counter[str]()

    async def ask(wire: Wire) -> None:
        for n, room in enumerate(rooms):
            await wire.send({"type": "join", "room": room, "ref": str(n)})
        waiting = set(map(str, range(len(rooms))))
        while waiting:
            answer = await wire.of("joined", "error")
            assert answer["type"] == "joined" or (answer["code"], answer["retryable"]) == ("overloaded", True)
            answers[answer["type"]] += 1
            waiting.remove(answer["ref"])

    async with (
        deployed(
            tmp_path, frames_per_s=0, room_frames_per_s=0, router_outbox_bytes=outbox_bytes, gateway_answer_s=60
        ) as home,
        home.client("olena", in_flight=32, keep=1) as olena,
        AsyncExitStack() as open_,
    ):
        for room in rooms:
            await olena.join(room)
            await asyncio.gather(*[olena.chat(room, LONG) for _ in range(50)])
        wires = [await open_.enter_async_context(home.wire(f"c{n}")) for n in range(clients)]
        await asyncio.gather(*map(ask, wires))
        assert sum(answers.values()) == clients * len(rooms)
        assert answers["joined"] > 0


@pytest.mark.parametrize("frame", ["join", "history", "rooms", "leave"])
async def test_whose_answer_is_lost_is_told_to_ask_again(
    tmp_path: Path, frame: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployed(tmp_path, gateway_answer_s=0.3) as home, home.wire("olena") as wire:
        await wire.send({"type": "join", "room": "r"})
        await wire.of("joined")
        publish, lost = home.broker.publish, list[bytes]()

        def losing(to: str, body: bytes) -> None:
            if b'"ref":"x"' in body and to.startswith("mailbox.gateway") and not lost:
                lost.append(body)  # as a full mailbox drops its oldest; nothing behind it shows that
            else:
                publish(to, body)

        monkeypatch.setattr(home.broker, "publish", losing)
        question = {"type": frame, "ref": "x"} | ({} if frame == "rooms" else {"room": "r"})
        await wire.send(question)
        error = await wire.of("error")
        assert (error["code"], error["ref"], error["retryable"]) == ("unavailable", "x", True)
        assert error["retry_after_ms"] > 0
        await wire.send(question)
        assert (await wire.of({"join": "joined", "leave": "left"}.get(frame, frame)))["ref"] == "x"


async def test_what_was_asked_before_the_gateway_lost_its_mailbox_is_told_at_once(tmp_path: Path) -> None:
    async with deployed(tmp_path, gateway_answer_s=3_600) as home, home.wire("olena") as wire:
        home.broker.publish = lambda to, body: None  # type: ignore[method-assign]  # the broker hangs
        await wire.send({"type": "join", "room": "r", "ref": "x"})
        await eventually(lambda: len(home.gateway._started.questions))
        del home.broker.publish
        await home.bus.cut()
        error = await wire.of("error")
        assert (error["code"], error["ref"]) == ("unavailable", "x")
