"""How large a picture is, from its bytes to the message. docs/protocol.md, "Server → client"."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from services.files.tables import files
from services.router.tables import messages
from shared.protocol.client import File
from shared.runtime.database import open_engine
from tests.integration.files_deployment import OLENA, Deployment, deployed
from tests.unit.files import samples
from tests.unit.files.pictures import jpeg, png, written

ROOM = "кухня"
UPRIGHT = written("JPEG", orientation=6)
"""It lies in the file, 60 by 40."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/homin.db"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
async def deployment(url: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(url, tmp_path / "files", files_access_s=2.0) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        yield deployment


def sides(file: dict[str, Any]) -> tuple[int | None, int | None]:
    return file.get("width"), file.get("height")


async def uploaded(deployment: Deployment, content: bytes, id: str = "m-1") -> dict[str, Any]:
    """The file as the upload's answer shows it; what is downloaded is what was sent."""
    async with deployment.client() as client:
        answer = await client.post(f"/api/files?room={ROOM}&id={id}", files={"file": ("cat", content)})
        assert answer.status_code == 201, answer.text
        file: dict[str, Any] = answer.json()["file"]
        assert (await client.get(file["url"])).content == content
    return file


def framed(content: bytes, id: str = "m-1") -> File:
    data = f"data:;base64,{b64encode(content).decode()}"
    return File.model_validate({"type": "file", "room": ROOM, "id": id, "name": "cat", "data": data})


async def test_an_upload_and_its_message_say_how_large_the_picture_is_as_shown(deployment: Deployment) -> None:
    file = await uploaded(deployment, UPRIGHT)
    assert sides(file) == (40, 60)
    assert (await deployment.gateway.message())["file"] == file
    [listed] = await deployment.gateway.history(OLENA, ROOM)
    assert listed["file"] == file


async def test_a_file_frame_s_message_says_it_too(deployment: Deployment) -> None:
    await deployment.gateway.send(OLENA, framed(UPRIGHT))
    _, message = await deployment.gateway.settled()
    assert sides(message["file"]) == (40, 60)
    async with deployment.client() as client:
        assert (await client.get(message["file"]["url"])).content == UPRIGHT


@pytest.mark.parametrize(
    "content",
    [UPRIGHT[:150], png(0, 40), png(1 << 20, 40), jpeg(height=0), samples.AVIF, samples.TEXT, samples.PDF, b""],
    ids=["cut", "no width", "too wide", "no height", "no properties", "text", "a document", "empty"],
)
async def test_what_does_not_say_it_rightly_arrives_without(deployment: Deployment, content: bytes) -> None:
    file = await uploaded(deployment, content)
    assert not {"width", "height"} & file.keys()
    assert (await deployment.gateway.message())["file"] == file
    await deployment.gateway.send(OLENA, framed(content, "m-2"))
    _, message = await deployment.gateway.settled()
    assert not {"width", "height"} & message["file"].keys()
    assert message["file"]["size"] == len(content)


async def test_a_picture_of_an_older_version_is_the_same_when_it_is_sent_again(url: str, tmp_path: Path) -> None:
    """Neither its row nor its message says how large it is, and the router compares the two."""
    async with deployed(url, tmp_path / "files") as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        file = await uploaded(deployment, UPRIGHT)
    older = {name: value for name, value in file.items() if name not in ("width", "height")}
    engine = open_engine(url)
    async with engine.begin() as db:
        await db.execute(update(files).values(width=None, height=None))
        await db.execute(update(messages).values(content=json.dumps(older, separators=(",", ":"))))
    await engine.dispose()
    async with deployed(url, tmp_path / "files") as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        assert await uploaded(deployment, UPRIGHT) == older
        [message] = await deployment.gateway.history(OLENA, ROOM)
        assert message["file"] == older
