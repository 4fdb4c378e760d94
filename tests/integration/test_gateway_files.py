"""A `file` frame through a gateway: what its connection sends after it waits until it is settled, so the order is
kept."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from shared.bus.memory import MemoryBus
from shared.bus.topology import FILES
from tests.integration.gateway_deployment import deployed
from tests.unit.files import samples

PICTURE = f"data:image/png;base64,{b64encode(samples.PNG).decode()}"


def file(id: str, **changed: str) -> dict[str, str]:
    return {"type": "file", "room": "r", "id": id, "name": "cat.png", "data": PICTURE, **changed}


async def test_a_file_and_the_texts_around_it_keep_their_order(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, files=True, frames_per_s=0) as home,
        home.wire("olena") as olena,
        home.client("taras") as taras,
    ):
        await taras.join("r")
        await olena.send({"type": "join", "room": "r"})
        for n in range(5):
            await olena.send({"type": "chat", "room": "r", "id": f"before-{n}", "text": "x"})
            await olena.send(file(f"file-{n}", ref=f"ref-{n}"))
            await olena.send({"type": "chat", "room": "r", "id": f"after-{n}", "text": "x"})
        ids = [f"{what}-{n}" for n in range(5) for what in ("before", "file", "after")]
        own = [await olena.of("message", "error") for _ in ids]
        assert [m["id"] for m in own] == ids
        assert [m["seq"] for m in own] == list(range(1, 16))
        assert [m.get("ref") for m in own if m["kind"] == "file"] == [f"ref-{n}" for n in range(5)]
        await taras.caught_up("r", 15)
        assert [m.id for m in taras.room("r").log.messages] == ids
        assert [m.kind for m in taras.room("r").log.messages] == ["chat", "file", "chat"] * 5


async def test_a_file_that_is_refused_lets_the_next_frames_go_on(tmp_path: Path) -> None:
    async with deployed(tmp_path, files=True) as home, home.wire("olena") as olena:
        await olena.send({"type": "join", "room": "r"})
        await olena.of("joined")
        await olena.send(file("lie", data="data:image/png;base64," + b64encode(b"<html>").decode()))
        await olena.send({"type": "chat", "room": "r", "id": "after", "text": "x"})
        error = await olena.of("error")
        assert (error["code"], error["ref"]) == ("unsupported_file", "lie")
        assert (await olena.of("message"))["id"] == "after"


async def test_a_file_that_is_too_large_is_refused_before_it_is_forwarded(tmp_path: Path) -> None:
    async with deployed(tmp_path, inline_file_bytes=1_000) as home, home.wire("olena") as olena:
        await olena.send(file("large", data="data:image/png;base64," + "A" * 4_000, ref="r-1"))
        error = await olena.of("error")
        assert (error["code"], error["ref"]) == ("too_large", "r-1")
        await olena.works()


async def test_a_file_that_nobody_stores_in_time_is_refused_for_now(tmp_path: Path) -> None:
    async with deployed(tmp_path, file_settle_s=0.3) as home, home.wire("olena") as olena:
        await olena.send({"type": "join", "room": "r"})
        await olena.of("joined")
        await olena.send(file("lost", ref="r-1"))
        await olena.send({"type": "chat", "room": "r", "id": "after", "text": "x"})
        error = await olena.of("error")
        assert (error["code"], error["ref"], error["retryable"]) == ("unavailable", "r-1", True)
        assert (await olena.of("message"))["id"] == "after"
        consumer = await MemoryBus(home.broker).consume([FILES], "late", 1)
        assert len(await consumer.get()) == 1, "it waits for a file service"


async def test_binary_frames_do_not_free_what_waits_behind_a_file(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, file_settle_s=2, frames_per_s=1, frames_burst=4) as home,
        home.wire("olena") as olena,
    ):
        await olena.send({"type": "join", "room": "r"})
        await olena.of("joined")
        await olena.send(file("lost"))
        await olena.send({"type": "chat", "room": "r", "id": "after", "text": "x"})
        for _ in range(20):
            await olena.binary(b"x")
        first = await olena.of("error", "message")
        assert (first["code"], first["ref"]) == ("unavailable", "lost")
