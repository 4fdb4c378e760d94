"""A router says that the message of a file was deleted: the file is gone, and comes back by no way."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import FILES, shard_queues
from shared.protocol.bus import Access, AccessWanted, FileGone, Submit
from shared.protocol.client import Delete, File
from shared.protocol.codec import decode, encode, pack
from shared.runtime.database import migrate
from tests.contract.relay import Relay
from tests.integration.files_deployment import OLENA, Deployment, deployed, form
from tests.integration.gateway_deployment import eventually
from tests.unit.files import samples

ROOM = "кухня"
FRAME = File(
    type="file", room=ROOM, id="m-1", name="cat.png", data=f"data:image/png;base64,{b64encode(samples.PNG).decode()}"
)


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", files_upkeep_s=0.1) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        yield deployment


@pytest.fixture
async def client(deployment: Deployment) -> AsyncIterator[httpx.AsyncClient]:
    async with deployment.client() as client:
        yield client


async def upload(client: httpx.AsyncClient, id: str = "m-1", content: bytes = samples.PNG) -> httpx.Response:
    return await client.post("/api/files", params={"room": ROOM}, **form(content, id=id))


async def stored(client: httpx.AsyncClient, id: str = "m-1") -> str:
    """Its file's id."""
    answer = await upload(client, id)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["file"]["id"])


async def delete(deployment: Deployment, *ids: str) -> None:
    """As a router says it, in one body."""
    await deployment.bus.publish(FILES, encode("router", [pack(FileGone(file=id)) for id in ids]))


async def delete_message(deployment: Deployment, seq: int | None = None) -> None:
    """As its author does. `seq`: unless it is said, that of the message which is told next."""
    seq = seq or (await deployment.gateway.message())["seq"]
    await deployment.gateway.send(OLENA, Delete(type="delete", room=ROOM, id="d-1", of=seq, ref="delete"))
    assert (await deployment.gateway.answer())["type"] == "change"
    await eventually(lambda: deployment.objects() == [])


async def deleted(deployment: Deployment, *ids: str) -> None:
    await delete(deployment, *ids)
    await eventually(lambda: not {path.name for path in deployment.objects()} & {*ids})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def metric(client: httpx.AsyncClient, name: str) -> float:
    found = re.search(rf"^homin_{name} (\S+)", (await client.get("/metrics")).text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_the_bytes_of_a_message_that_its_author_deletes_go_for_good(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    id = await stored(client)
    await delete_message(deployment)
    assert code(await client.get(f"/api/files/{id}")) == (404, "no_such_file")
    assert [message["kind"] for message in await deployment.gateway.history(OLENA, ROOM)] == ["deleted"]


async def test_who_sends_it_again_over_http_after_that_makes_nothing_new(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    id = await stored(client)
    await delete_message(deployment)
    assert await stored(client) == id
    assert code(await upload(client, content=samples.JPEG)) == (409, "id_reused")
    await eventually(lambda: deployment.objects() == [])
    assert code(await client.get(f"/api/files/{id}")) == (404, "no_such_file")
    assert [message["kind"] for message in await deployment.gateway.history(OLENA, ROOM)] == ["deleted"]


async def test_who_sends_its_frame_again_after_that_gets_the_same_message_deleted(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    await deployment.gateway.send(OLENA, FRAME)
    _, first = await deployment.gateway.settled()
    await delete_message(deployment, first["seq"])
    await deployment.gateway.send(OLENA, FRAME)
    settled, message = await deployment.gateway.settled()
    assert (settled, message["seq"], message["kind"]) == ("m-1", first["seq"], "deleted")
    assert "cat.png" not in str(message)
    other = FRAME.model_copy(update={"name": "dog.png"})
    await deployment.gateway.send(OLENA, other)
    settled, error = await deployment.gateway.settled()
    assert (settled, error["code"]) == ("m-1", "id_reused")
    await eventually(lambda: deployment.objects() == [])


async def test_its_bytes_go_and_nobody_gets_it_any_more(deployment: Deployment, client: httpx.AsyncClient) -> None:
    id, other = await stored(client), await stored(client, "m-2")
    before = await metric(client, "files_deleted_total")
    etag = (await client.get(f"/api/files/{id}")).headers["etag"]
    await deleted(deployment, id)
    for headers in ({}, {"If-None-Match": etag}, {"Range": "bytes=0-1"}):
        assert code(await client.get(f"/api/files/{id}", headers=headers)) == (404, "no_such_file")
    assert (await client.head(f"/api/files/{id}")).status_code == 404
    assert (await client.get(f"/api/files/{other}")).content == samples.PNG
    assert await metric(client, "files_deleted_total") == before + 1


async def test_what_is_said_twice_or_of_no_file_does_no_harm(deployment: Deployment, client: httpx.AsyncClient) -> None:
    ids = [await stored(client, f"m-{n}") for n in range(3)]
    await delete(deployment, ids[0], "0" * 32, ids[0], "", ids[1])
    await deleted(deployment, ids[0], ids[1])
    assert (await client.get(f"/api/files/{ids[2]}")).content == samples.PNG
    assert not deployment.broker.dead


async def test_an_empty_file_goes_as_well(deployment: Deployment, client: httpx.AsyncClient) -> None:
    id = str((await upload(client, content=b"")).json()["file"]["id"])
    await deleted(deployment, id)
    assert code(await client.get(f"/api/files/{id}")) == (404, "no_such_file")


async def test_frames_and_deletions_in_one_body_are_all_handled(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    id = await stored(client, "m-0")
    submit = Submit(address=deployment.gateway.address, session="s", user=OLENA, frame=FRAME)
    await deployment.bus.publish(FILES, encode("x", [pack(FileGone(file=id)), pack(submit)]))
    settled, message = await deployment.gateway.settled()
    assert (settled, message["type"]) == ("m-1", "message")
    await eventually(lambda: [path.name for path in deployment.objects()] == [message["file"]["id"]])


async def test_bytes_that_cannot_be_removed_now_are_removed_later_and_given_to_nobody_meanwhile(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    id = await stored(client)
    folder, aside = deployment.folder / id[:2], deployment.folder / "aside"
    folder.rename(aside)
    folder.write_bytes(b"a file stands where the folder was")
    await delete(deployment, id)
    async with asyncio.timeout(20):
        while (await client.get(f"/api/files/{id}")).status_code != 404:
            pass
    folder.unlink()
    aside.rename(folder)
    await eventually(lambda: deployment.objects() == [])


async def test_a_download_that_waits_for_its_access_finds_it_gone(tmp_path: Path) -> None:
    url, broker = f"sqlite:///{tmp_path}/homin.db", Broker()
    async with deployed(url, tmp_path / "files", broker=broker) as first, first.client() as client:
        await first.gateway.join(OLENA, ROOM)
        id = await stored(client)
    router = MemoryBus(broker)
    async with deployed(url, tmp_path / "files", router=False, broker=broker) as files, files.client() as client:
        shards = await router.consume(shard_queues(files.settings.shards), "router", 10)
        downloading = asyncio.create_task(client.get(f"/api/files/{id}"))
        async with asyncio.timeout(20):
            (delivery,) = await shards.get()
        (wanted,) = decode(delivery.body)[0].messages
        assert isinstance(wanted, AccessWanted)
        await deleted(files, id)
        allowed = Access(ref=wanted.ref, exists=True, allowed=True)
        await router.publish(wanted.reply_to, encode("router", [pack(allowed)]))
        assert code(await downloading) == (404, "no_such_file")


async def test_while_the_database_is_away_a_deletion_waits_and_others_are_answered(
    postgres_url: str, tmp_path: Path
) -> None:
    await migrate(postgres_url)
    relay, broker = Relay(postgres_url), Broker()
    await relay.up()
    async with deployed(postgres_url, tmp_path / "files", broker=broker) as first, first.client() as client:
        await first.gateway.join(OLENA, ROOM)
        id = await stored(client)
    try:
        async with deployed(relay.url, tmp_path / "files", router=False, broker=broker) as files:
            router = await MemoryBus(broker).consume(shard_queues(files.settings.shards), "router", 10)
            await relay.down()
            await delete(files, id)
            await files.gateway.send(OLENA, FRAME)
            async with asyncio.timeout(20):
                (delivery,) = await router.get()
            (wanted,) = decode(delivery.body)[0].messages
            assert isinstance(wanted, AccessWanted)
            allowed = Access(ref=wanted.ref, exists=True, allowed=True)
            await files.bus.publish(wanted.reply_to, encode("router", [pack(allowed)]))
            settled, error = await files.gateway.settled()
            assert (settled, error["code"]) == ("m-1", "unavailable")
            assert [path.name for path in files.objects()] == [id]
            await relay.up()
            await eventually(lambda: files.objects() == [])
            assert not broker.dead
    finally:
        await relay.down()


async def test_a_deletion_that_still_waits_when_the_service_ends_comes_again(postgres_url: str, tmp_path: Path) -> None:
    await migrate(postgres_url)
    relay, broker = Relay(postgres_url), Broker()
    await relay.up()
    async with deployed(postgres_url, tmp_path / "files", broker=broker) as first, first.client() as client:
        await first.gateway.join(OLENA, ROOM)
        id = await stored(client)
    async with deployed(relay.url, tmp_path / "files", router=False, broker=broker) as files:
        await relay.down()
        await delete(files, id)
        await eventually(lambda: files.service.checks["store"]() is not None)
    async with deployed(postgres_url, tmp_path / "files", router=False, broker=broker) as files:
        await eventually(lambda: files.objects() == [])
