"""A page that was read beside the batches is older than the room by the time that it is sent: gone is gone all the
same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from services.router.core.changes import Changes, Item
from services.router.core.needs import Older, needs
from services.router.core.room import RECENT
from services.router.core.step import step
from services.router.message_store import MessageStore
from shared.protocol.bus import Submit
from shared.protocol.client import History
from shared.protocol.server import User
from tests.contract.routing import (
    NOW_MS,
    Audience,
    Writer,
    chat,
    deep_page,
    delete,
    edit,
    join,
    leave,
    react,
    submit,
    user,
)
from tests.flow.clock import simulate
from tests.flow.message_store import MemoryMessageStore, Tables

ANNA, BORYS = user(1), user(2)
SECRET = "a secret"


def history(by: User = BORYS, **bounds: int) -> Item:
    return submit(History.model_validate({"type": "history", "room": "r", "limit": 200, **bounds}), by)


class Scene:
    """A room in which Anna has said `SECRET`, edited it, and then so much that neither is in memory any more; Borys is
    there, too."""

    def __init__(self) -> None:
        self.store: MessageStore = MemoryMessageStore(Tables(), 1)
        self.writer, self.audience = Writer(self.store), Audience()

    async def begin(self) -> Scene:
        await self.does(join("r", ANNA), join("r", BORYS), chat("r", ANNA, "a", "first thought"))
        await self.does(edit("r", ANNA, "b", 1, SECRET))
        await self.talk("before")
        self.audience.hear(BORYS.id)
        return self

    async def does(self, *items: Item) -> Changes:
        changes = (await self.writer.handle(*items))["r"]
        self.audience.attend(changes)
        return changes

    async def talk(self, name: str) -> None:
        await self.does(*(chat("r", ANNA, f"{name}{n}") for n in range(RECENT)))

    async def read(self, asked: Item) -> Item:
        """What `asked` has had read, as it is now."""
        assert [deep.by for deep in (await self.does(asked)).reads] == [asked.message]
        assert isinstance(asked.message, Submit)
        frame: Any = asked.message.frame
        before, limit = getattr(frame, "before", None), getattr(frame, "limit", 200)
        found = await self.store.page("r", before=before, after=frame.after, limit=limit)
        assert found.entries[0].seq <= 2
        assert SECRET in str(found.entries)
        return deep_page(asked, found.entries, found.seq)

    def answer(self, who: User = BORYS) -> dict[str, Any]:
        heard = self.audience.hear(who.id)
        (answer,) = [frame for frame in heard if frame["type"] in ("joined", "history", "error")]
        return answer


ASKED = [history(before=9), history(after=0), history(after=1), join("r", BORYS, after=0)]


@pytest.mark.parametrize("asked", ASKED, ids=["before", "after", "after the message", "join"])
@pytest.mark.parametrize("when", ["in memory", "beyond memory", "in the same batch"])
def test_a_text_that_was_deleted_while_the_page_was_read_is_not_in_it(asked: Item, when: str) -> None:
    async def main() -> None:
        scene = await Scene().begin()
        page = await scene.read(asked)
        if when == "in the same batch":
            await scene.does(delete("r", ANNA, "d", 1), page)
        else:
            await scene.does(delete("r", ANNA, "d", 1))
            if when == "beyond memory":
                await scene.talk("after")
            await scene.does(page)
        answer = scene.answer()
        assert answer["messages"], answer
        assert SECRET not in str(answer)

    simulate(main())


def test_what_the_deleter_sees_is_told_before_the_page() -> None:
    async def main() -> None:
        scene = await Scene().begin()
        page = await scene.read(history(before=9))
        await scene.does(delete("r", ANNA, "d", 1), page)
        heard = [frame["type"] for frame in scene.audience.hear(BORYS.id)]
        assert heard == ["change", "history"]

    simulate(main())


@pytest.mark.parametrize("asked", ASKED[:1] + ASKED[3:], ids=["history", "join"])
def test_who_has_gone_from_the_room_while_the_page_was_read_does_not_get_it(asked: Item) -> None:
    async def main() -> None:
        scene = await Scene().begin()
        page = await scene.read(asked)
        await scene.does(leave("r", BORYS))
        scene.audience.hear(BORYS.id)
        changes = await scene.does(page)
        assert changes.requires_version_check
        assert (scene.answer()["code"], changes.writes) == ("not_joined", False)

    simulate(main())


def test_a_page_says_no_more_than_what_it_holds_for_certain() -> None:
    """What came since is told by its own entries; applied to the message as it is now it ends the same."""

    async def main() -> None:
        scene = await Scene().begin()
        page = await scene.read(history(before=9))
        await scene.does(react("r", BORYS, "y", 1, "👍"), react("r", ANNA, "z", 3, "👍"))
        scene.audience.hear(BORYS.id)
        await scene.does(page)
        answer = scene.answer()
        assert answer["seq"] == RECENT + 2
        assert [m.get("reactions") for m in answer["messages"]][:2] == [
            [{"emoji": "👍", "users": ["u2"]}],
            [{"emoji": "👍", "users": ["u1"]}],
        ]

    simulate(main())


def test_a_page_that_grew_while_it_was_read_is_cut_to_what_fits_and_says_that_there_is_more() -> None:
    async def main() -> None:
        scene = await Scene().begin()
        page = await scene.read(history(after=0, limit=3))
        await scene.does(edit("r", ANNA, "e", 1, "ж" * 8_000))
        room = scene.writer.room("r")
        scene.audience.attend(step(room, [page], NOW_MS, 20_000, await looked_up(scene, [page])))
        answer = scene.answer()
        assert ([m["seq"] for m in answer["messages"]], answer["more"]) == ([1], True)

    async def looked_up(scene: Scene, items: Sequence[Item]) -> Older:
        need = needs(scene.writer.room("r"), items, sent_back=False)
        assert need is not None
        return await scene.store.find("r", need)

    simulate(main())


def test_a_page_of_which_nothing_was_changed_needs_nothing_looked_up() -> None:
    async def main() -> None:
        scene = await Scene().begin()
        page = await scene.read(history(before=9))
        await scene.does(chat("r", ANNA, "n"), react("r", BORYS, "y", RECENT, "👍"))
        assert needs(scene.writer.room("r"), [page], sent_back=False) is None

    simulate(main())
