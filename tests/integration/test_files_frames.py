"""The `file` frame: its work comes over the bus, and every frame is settled. docs/protocol.md, "Client → server"."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import FILES, shard_queues
from shared.protocol.bus import Submit
from shared.protocol.client import Chat, File, Ping
from shared.protocol.codec import encode, pack
from tests.integration.files_deployment import OLENA, TARAS, Deployment, deployed
from tests.unit.files import samples

ROOM = "кухня"
LIMIT = 2_000


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    url = f"sqlite:///{tmp_path}/homin.db"
    async with deployed(url, tmp_path / "files", inline_file_bytes=LIMIT, files_access_s=2.0) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        yield deployment


def file(content: bytes = samples.PNG, declared: str = "image/png", **changed: str) -> File:
    data = f"data:{declared};base64,{b64encode(content).decode()}"
    return File.model_validate({"type": "file", "room": ROOM, "id": "m-1", "name": "cat.png", "data": data, **changed})


async def cut(deployment: Deployment) -> None:
    assert isinstance(deployment.bus, MemoryBus)
    await deployment.bus.cut()


async def test_a_file_frame_becomes_a_message_that_its_sender_gets_as_the_answer(deployment: Deployment) -> None:
    await deployment.gateway.send(OLENA, file(ref="r-1"))
    settled, message = await deployment.gateway.settled()
    assert settled == "m-1"
    assert (message["type"], message["kind"], message["ref"], message["seq"]) == ("message", "file", "r-1", 1)
    assert (message["file"]["mime"], message["file"]["size"]) == ("image/png", len(samples.PNG))
    async with deployment.client() as client:
        assert (await client.get(message["file"]["url"])).content == samples.PNG


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (samples.HTML, "image/png"), (samples.SVG, "image/png"), (samples.PNG, "text/html"),
        (samples.PNG, "text/plain"), (samples.PNG, "application/pdf"), (bytes(10), "image/png"),
        (samples.MP4, "image/png"), (b"", "image/png"),
    ],
)  # fmt: skip
async def test_a_data_url_that_lies_about_its_type_is_refused(
    deployment: Deployment, content: bytes, declared: str
) -> None:
    await deployment.gateway.send(OLENA, file(content, declared))
    settled, error = await deployment.gateway.settled()
    assert (settled, error["type"], error["code"], error["ref"]) == ("m-1", "error", "unsupported_file", "m-1")
    assert error["retryable"] is False
    assert deployment.objects() == []


@pytest.mark.parametrize(
    "data", ["data:", "data:image/png,AAAA", "data:image/png;base64,AAA", "data:image/png;base64,A A="]
)
async def test_a_broken_data_url_is_an_invalid_frame(deployment: Deployment, data: str) -> None:
    await deployment.gateway.send(OLENA, file(data=data, ref="r-1"))
    settled, error = await deployment.gateway.settled()
    assert (settled, error["code"], error["ref"]) == ("m-1", "invalid_frame", "r-1")


async def test_an_inline_file_has_its_own_limit(deployment: Deployment) -> None:
    await deployment.gateway.send(OLENA, file(bytes(LIMIT + 1), ""))
    assert (await deployment.gateway.settled())[1]["code"] == "too_large"
    await deployment.gateway.send(OLENA, file(bytes(LIMIT), ""))
    assert (await deployment.gateway.settled())[1]["file"]["size"] == LIMIT


async def test_who_is_not_a_member_may_not_send(deployment: Deployment) -> None:
    await deployment.gateway.send(TARAS, file())
    assert (await deployment.gateway.settled())[1]["code"] == "not_joined"
    await deployment.gateway.send(TARAS, file(room="nowhere"))
    assert (await deployment.gateway.settled())[1]["code"] == "no_such_room"
    assert deployment.objects() == []


async def test_a_retried_frame_keeps_its_message(deployment: Deployment) -> None:
    answers = []
    for _ in range(3):
        await deployment.gateway.send(OLENA, file())
        answers.append(await deployment.gateway.settled())
    assert answers[0] == answers[1] == answers[2]
    assert len(deployment.objects()) == 1
    assert len(await deployment.gateway.history(OLENA, ROOM)) == 1


async def test_an_id_with_other_content_is_refused(deployment: Deployment) -> None:
    await deployment.gateway.send(OLENA, file())
    await deployment.gateway.settled()
    await deployment.gateway.send(OLENA, file(samples.JPEG))
    settled, error = await deployment.gateway.settled()
    assert (settled, error["code"]) == ("m-1", "id_reused")


async def test_an_id_that_a_chat_has_used_is_refused_by_the_router(deployment: Deployment) -> None:
    await deployment.gateway.send(OLENA, Chat(type="chat", room=ROOM, id="m-1", text="hello"))
    await deployment.gateway.message()
    await deployment.gateway.send(OLENA, file())
    settled, error = await deployment.gateway.settled()
    assert (settled, error["code"]) == ("m-1", "id_reused")


async def test_the_files_of_one_session_keep_their_order(deployment: Deployment) -> None:
    """The large ones first, so that the order would change if they did not wait for one another."""
    frames = [file(bytes(LIMIT - 100 * n), "", id=f"m-{n}") for n in range(12)]
    await deployment.gateway.send(OLENA, *frames[:5])
    await deployment.gateway.send(OLENA, *frames[5:])
    settled = [await deployment.gateway.settled() for _ in frames]
    assert [id for id, _ in settled] == [frame.id for frame in frames]
    assert [message["seq"] for _, message in settled] == list(range(1, 13))


async def test_what_is_no_work_for_files_is_buried_and_does_not_stop_the_rest(deployment: Deployment) -> None:
    bus = MemoryBus(deployment.broker)
    ping = Submit(address="mailbox.x", session="s", user=OLENA, frame=Ping(type="ping"))
    await bus.publish(FILES, b"rubbish")
    await bus.publish(FILES, encode("x", [pack(ping)]))
    await deployment.gateway.send(OLENA, file())
    assert (await deployment.gateway.settled())[1]["type"] == "message"
    assert [queue for queue, _, _ in deployment.broker.dead] == [FILES, FILES]


async def test_frames_come_again_after_the_bus_was_cut_and_end_in_one_message(deployment: Deployment) -> None:
    await deployment.gateway.send(OLENA, file())
    await cut(deployment)
    assert (await deployment.gateway.settled())[1]["seq"] == 1
    await deployment.gateway.send(OLENA, file(samples.JPEG, "image/jpeg", id="m-2"))
    while (await deployment.gateway.settled())[0] != "m-2":
        pass
    assert [m["id"] for m in await deployment.gateway.history(OLENA, ROOM)] == ["m-1", "m-2"]
    assert len(deployment.objects()) == 2


async def test_while_no_router_answers_a_frame_is_refused_as_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/homin.db"
    async with deployed(url, tmp_path / "files", router=False, files_access_s=0.2) as deployment:
        await deployment.gateway.send(OLENA, file())
        settled, error = await deployment.gateway.settled()
        assert (settled, error["code"], error["retryable"]) == ("m-1", "unavailable", True)


async def test_what_was_asked_before_the_mailbox_reopened_is_asked_again(tmp_path: Path) -> None:
    """The answer to the old address is lost; the question goes out once more, and the router that starts answers it."""
    url, broker = f"sqlite:///{tmp_path}/homin.db", Broker()
    async with deployed(url, tmp_path / "files", router=True, broker=broker) as first:
        await first.gateway.join(OLENA, ROOM)
    async with deployed(url, tmp_path / "files", router=False, broker=broker) as files, files.client() as client:
        sending = asyncio.create_task(
            client.post("/api/files", params={"room": ROOM}, files={"file": ("a.png", samples.PNG)})
        )
        shards = await MemoryBus(broker).consume(shard_queues(files.settings.shards), "nobody", 1)
        await asyncio.wait_for(shards.get(), 10)
        await shards.close()
        await cut(files)
        async with deployed(url, tmp_path / "other", router=True, broker=broker):
            assert (await sending).status_code == 201
