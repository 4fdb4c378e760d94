"""The same over RabbitMQ and PostgreSQL, as a deployment has them."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from shared.bus.topology import FILES
from shared.protocol.bus import FileGone
from shared.protocol.client import File
from shared.protocol.codec import encode, pack
from tests.integration.files_deployment import OLENA, deployed, form
from tests.integration.gateway_deployment import eventually
from tests.unit.files import samples

ROOM = "кухня"


async def test_an_upload_and_a_file_frame_become_messages(amqp_vhost: str, postgres_url: str, tmp_path: Path) -> None:
    data = f"data:image/gif;base64,{b64encode(samples.GIF).decode()}"
    frame = File.model_validate({"type": "file", "room": ROOM, "id": "m-2", "name": "a.gif", "data": data})
    lie = frame.model_copy(update={"id": "m-3", "data": data.replace("image/gif", "text/html")})
    async with deployed(postgres_url, tmp_path / "files", amqp_url=amqp_vhost) as deployment:
        gateway = deployment.gateway
        await gateway.join(OLENA, ROOM)
        async with deployment.client() as client:
            for _ in range(2):
                answer = await client.post("/api/files", params={"room": ROOM}, **form(samples.PNG, id="m-1"))
                assert answer.status_code == 201, answer.text
            for _ in range(2):
                await gateway.send(OLENA, frame)
                settled, message = await gateway.settled()
                assert (settled, message["seq"]) == ("m-2", 2)
            await gateway.send(OLENA, lie)
            assert (await gateway.settled())[1]["code"] == "unsupported_file"
            history = await gateway.history(OLENA, ROOM)
            assert [m["id"] for m in history] == ["m-1", "m-2"]
            contents = [(await client.get(m["file"]["url"])).content for m in history]
            assert contents == [samples.PNG, samples.GIF]
            assert len(deployment.objects()) == 2


async def test_a_deletion_takes_the_bytes_and_a_retry_does_not_bring_them_back(
    amqp_vhost: str, postgres_url: str, tmp_path: Path
) -> None:
    async with deployed(postgres_url, tmp_path / "files", amqp_url=amqp_vhost) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        async with deployment.client() as client:
            answer = await client.post("/api/files", params={"room": ROOM}, **form(samples.PNG, id="m-1"))
            file = answer.json()["file"]
            for _ in range(2):
                await deployment.bus.publish(FILES, encode("router", [pack(FileGone(file=file["id"]))]))
            await eventually(lambda: deployment.objects() == [])
            assert (await client.get(file["url"])).status_code == 404
            answer = await client.post("/api/files", params={"room": ROOM}, **form(samples.PNG, id="m-1"))
            assert (answer.status_code, answer.json()["file"]) == (201, file), "it is what it was, and gone"
            assert (await client.get(file["url"])).status_code == 404
            assert deployment.objects() == []
