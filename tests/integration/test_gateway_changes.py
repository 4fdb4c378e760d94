"""Edits, deletions, reactions and pins through a gateway, end to end, at the level of the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from services.router.core.room import RECENT
from services.router.message_store import Page
from services.router.sql_reads import SqlReads
from tests.integration.gateway_deployment import Deployment, deployed
from tests.integration.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")
_names = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path_factory.mktemp("changes"), frames_per_s=0) as deployment:
        yield deployment


class Person:
    def __init__(self, wire: Wire, room: str) -> None:
        self.wire, self.room = wire, room

    async def says(self, type: str, id: str, **fields: Any) -> dict[str, Any]:
        """The answer to a frame about the room."""
        await self.wire.send({"type": type, "room": self.room, "id": id, **fields})
        return await self.wire.of("message", "change", "error")

    async def hears(self) -> dict[str, Any]:
        return await self.wire.of("message", "change", "error")

    async def reads(self, **place: int) -> dict[str, Any]:
        await self.wire.send({"type": "history", "room": self.room, "ref": "h", **place})
        return await self.wire.of("history")


@pytest_asyncio.fixture(loop_scope="module")
async def people(home: Deployment) -> AsyncIterator[tuple[Person, Person]]:
    """Two in a new room."""
    room = f"кімната-{next(_names)}"
    async with AsyncExitStack() as stack:
        found = []
        for name in ("olena", "taras"):
            wire = await stack.enter_async_context(home.wire())
            await wire.send({"type": "auth", "token": home.token(name)})
            await wire.of("welcome")
            await wire.send({"type": "join", "room": room})
            await wire.of("joined")
            found.append(Person(wire, room))
        yield found[0], found[1]


async def test_a_change_is_heard_by_all_and_is_its_own_acknowledgement(people: tuple[Person, Person]) -> None:
    olena, taras = people
    await olena.says("chat", "a", text="first")
    await taras.hears()
    for frame, fields in (
        (("edit", "b"), {"of": 1, "text": "second"}),
        (("react", "c"), {"of": 1, "emoji": "❤\ufe0f", "on": True}),
        (("pin", "d"), {"of": 1, "on": True}),
    ):
        own = await olena.says(*frame, **fields)
        assert (own["type"], own["kind"], own["id"], own["of"]) == ("change", *frame, 1)
        assert await taras.hears() == own
    page = await taras.reads(before=99)
    (message,) = page["messages"]
    assert {field: message[field] for field in ("text", "pinned", "reactions")} == {
        "text": "second", "pinned": True, "reactions": [{"emoji": "❤", "users": ["u-olena"]}],
    }  # fmt: skip
    assert (page["seq"], message["edited_at"] > message["at"]) == (4, True)


async def test_what_is_deleted_is_in_no_answer_any_more(people: tuple[Person, Person]) -> None:
    olena, taras = people
    await olena.says("chat", "a", text="a secret")
    await olena.says("edit", "b", of=1, text="another secret")
    await olena.says("delete", "c", of=1)
    for page in (await taras.reads(before=99), await taras.reads(after=0)):
        assert "secret" not in str(page)
    again = await olena.says("chat", "a", text="a secret")
    assert (again["seq"], again["kind"]) == (1, "deleted"), "sent again, it is the same message"
    assert (await olena.says("edit", "d", of=1, text="back"))["code"] == "no_such_message"


@pytest.mark.parametrize("place", [{"before": 2}, {"after": 0}], ids=["back", "forward"])
async def test_what_is_deleted_while_a_page_is_read_is_not_in_it(
    people: tuple[Person, Person], place: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    olena, taras = people
    await olena.says("chat", "a", text="a secret")
    for n in range(RECENT):
        await olena.says("chat", f"more{n}", text="so that it is in the store alone")
    page, read, deleted = SqlReads.page, asyncio.Event(), asyncio.Event()

    async def slow(self: SqlReads, room: str, **bounds: Any) -> Page:
        found = await page(self, room, **bounds)
        read.set()
        await deleted.wait()
        return found

    monkeypatch.setattr(SqlReads, "page", slow)
    asked = asyncio.create_task(taras.reads(**place))
    await read.wait()
    await olena.says("delete", "d", of=1)
    deleted.set()
    answer = await asked
    assert (answer["messages"][0]["seq"], answer["messages"][0]["kind"]) == (1, "deleted")
    assert "secret" not in str(answer)


BAD = [
    ({"of": 1, "emoji": "дуже", "on": True}, "react", "invalid_frame"),
    ({"of": 1, "emoji": "👍👍", "on": True}, "react", "invalid_frame"),
    ({"of": -1, "text": "x"}, "edit", "invalid_frame"),
    ({"of": 1}, "edit", "invalid_frame"),
    ({"of": 1, "text": "x" * 8_001}, "edit", "too_large"),
    ({"of": 1, "text": "not mine"}, "edit", "forbidden"),
    ({"of": 1}, "delete", "forbidden"),
    ({"of": 2, "on": True}, "pin", "no_such_message"),
    ({"text": "x", "reply_to": 9}, "chat", "no_such_message"),
]


@pytest.mark.parametrize(("fields", "type", "code"), BAD, ids=lambda each: each if isinstance(each, str) else "")
async def test_what_cannot_be_is_refused_with_its_code_and_the_connection_stays(
    people: tuple[Person, Person], fields: dict[str, Any], type: str, code: str
) -> None:
    olena, taras = people
    await olena.says("chat", "a", text="first")
    await taras.hears()
    error = await taras.says(type, "x", **fields)
    assert (error["type"], error["code"], error["ref"], error["retryable"]) == ("error", code, "x", False)
    await taras.wire.works()


async def test_an_answer_names_the_message_that_it_answers(people: tuple[Person, Person]) -> None:
    olena, taras = people
    await olena.says("chat", "a", text="question")
    await taras.hears()
    assert (await taras.says("chat", "b", text="answer", reply_to=1))["reply_to"] == 1
    assert (await olena.hears())["reply_to"] == 1
