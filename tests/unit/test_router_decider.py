"""The loop that decides and commits, and what is done when it meets what it cannot handle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.router.core.cache import RoomCache
from services.router.core.changes import Changes, Item
from services.router.core.needs import Needs, Older
from services.router.core.room import RECENT
from services.router.crowd_timers import CrowdTimers
from services.router.decider import Decider, DeciderLimits
from services.router.isolation import one_by_one
from shared.bus.port import Delivery
from shared.protocol.bus import Submit
from shared.protocol.client import History
from shared.protocol.room_names import private_room
from shared.protocol.server import JoinedRoom
from shared.runtime.outage import StoreDown
from tests.contract.routing import NOW_MS, chat, create, deep_page, join, leave, resume, submit, told_directly, user
from tests.flow.clock import simulate
from tests.flow.message_store import Latency, MemoryMessageStore, Tables, at_once

ANNA, BORYS = user(1), user(2)
LIMITS = DeciderLimits(tries=3, retry_s=0.5)


class Store(MemoryMessageStore):
    """`looked_up`: takes the names of the rooms of which ids are looked up."""

    def __init__(self, tables: Tables, before: Latency, looked_up: list[str]) -> None:
        super().__init__(tables, 1, before)
        self.looked_up = looked_up

    async def find(self, room: str, wanted: Needs) -> Older:
        self.looked_up.append(room)
        return await super().find(room, wanted)


class Scene:
    """A decider over tables that others may write to as well. `outages`: of each call of its store to come, whether it
    fails."""

    def __init__(self) -> None:
        self.tables, self.refused, self.pauses = Tables(), list[Submit](), 0
        self.outages, self.looked_up, self.hops = list[bool](), list[str](), 0
        self.others, self.decider = self.new_decider(at_once), self.new_decider(self._hop)

    def new_decider(self, before: Latency) -> Decider:
        """`before`: awaited before each call of its store."""
        store = Store(self.tables, before, self.looked_up)
        return Decider(store, RoomCache(9, 1 << 20), lambda: NOW_MS, LIMITS, self.refused.append, self._while_away)

    async def _hop(self) -> None:
        self.hops += 1
        if self.outages and self.outages.pop(0):
            raise StoreDown("the database is away\nand more")

    async def _while_away(self) -> None:
        self.pauses += 1

    async def decide(self, *items: Item) -> list[Changes]:
        written: list[Changes] = []
        await self.decider.decide(items, written.extend)
        return written


async def with_an_old_message() -> Scene:
    """`id1` is stored, and not in memory any more."""
    scene = Scene()
    await scene.decide(join("r", ANNA), join("s", ANNA), *(chat("r", ANNA, f"id{n}") for n in range(1, RECENT + 2)))
    return scene


def history(room: str) -> Item:
    return submit(History(type="history", room=room, limit=1), ANNA)


def test_while_the_store_is_away_questions_are_refused_and_messages_wait() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.decide(join("r", ANNA), join("s", ANNA))
        scene.decider.cache.drop(["r", "s"])
        scene.outages = [True, True]
        written = await scene.decide(chat("r", ANNA, "id1"), history("r"), history("s"))
        assert [(c.room, [m.id for m in c.messages]) for c in written] == [("r", ["id1"])]
        assert [submit.frame.room for submit in scene.refused] == ["r", "s"]  # type: ignore[union-attr]
        assert (scene.pauses, scene.decider.down) == (2, None)

    simulate(main())


def test_while_the_store_is_away_a_page_of_history_that_has_been_read_is_refused_and_a_join_waits() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.decide(join("r", ANNA))
        scene.decider.cache.drop(["r"])
        scene.outages = [True]
        (written,) = await scene.decide(deep_page(history("r"), []), deep_page(join("r", ANNA, after=0), []))
        assert scene.refused == [history("r").message]
        assert [frame["type"] for _, frame in told_directly(written)] == ["joined"]

    simulate(main())


def test_a_room_that_another_has_written_to_is_decided_anew() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.decide(join("r", ANNA), join("s", ANNA))
        await scene.others.decide([chat("r", ANNA, "first")], lambda changes: None)
        written = await scene.decide(chat("r", ANNA, "second"), chat("s", ANNA, "other"))
        assert [(c.room, [m.seq for m in c.messages]) for c in written] == [("s", [1]), ("r", [2])]

    simulate(main())


def resumed(batch: list[Changes]) -> list[tuple[str, int]]:
    """Each room's name, and the number up to which it is told."""
    answers = [each.answer for changes in batch for each in changes.resumed]
    return [(answer.room, answer.seq) for answer in answers if isinstance(answer, JoinedRoom)]


def test_who_resumes_comes_before_all_else_of_a_batch_so_that_its_rooms_are_answered_as_one() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.decide(join("r", ANNA), join("s", ANNA))
        batches: list[list[Changes]] = []
        items = [chat("r", ANNA, "a"), *resume({"r": 0, "s": 0}, ANNA), chat("s", ANNA, "b")]
        await scene.decider.decide(items, batches.append)
        (batch,) = batches
        assert (sorted(resumed(batch)), [c.seq for c in batch]) == ([("r", 0), ("s", 0)], [1, 1])

    simulate(main())


def test_a_room_that_another_has_written_to_is_resumed_a_little_later_than_the_others() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.decide(join("r", ANNA), join("s", ANNA))
        await scene.others.decide([chat("r", ANNA, "first")], lambda batch: None)
        batches: list[list[Changes]] = []
        await scene.decider.decide(resume({"r": 0, "s": 0}, ANNA), batches.append)
        assert [resumed(batch) for batch in batches] == [[("s", 0)], [("r", 1)]]

    simulate(main())


def test_ids_are_looked_up_only_when_the_store_has_sent_a_batch_back() -> None:
    async def main() -> None:
        scene = await with_an_old_message()
        await scene.decide(chat("r", ANNA, "new"), chat("s", ANNA, "id1"))
        assert scene.looked_up == []
        written = {c.room: c for c in await scene.decide(chat("r", ANNA, "id1"), chat("s", ANNA, "newer"))}
        assert sorted(scene.looked_up) == ["r", "s"]
        assert written["r"].messages == []
        assert [frame["seq"] for _, frame in told_directly(written["r"])] == [1]
        assert [m.seq for m in written["s"].messages] == [2]

    simulate(main())


def test_a_store_that_goes_away_while_ids_are_looked_up_is_waited_for() -> None:
    """The batch is not given up as one that cannot be handled."""

    async def main() -> None:
        scene = await with_an_old_message()
        scene.outages = [False, False, True]  # the commit, the load, the look-up
        (written,) = await scene.decide(chat("r", ANNA, "id1"))
        assert [frame["seq"] for _, frame in told_directly(written)] == [1]
        assert scene.pauses == 1

    simulate(main())


def test_rooms_that_stay_out_of_date_are_given_up() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.decide(join("r", ANNA))
        turn = 0

        async def ahead() -> None:
            nonlocal turn
            turn += 1
            await scene.others.decide([chat("r", ANNA, f"other{turn}")], lambda changes: None)

        scene.decider = scene.new_decider(ahead)
        with pytest.raises(RuntimeError, match="stay out of date: r"):
            await scene.decide(chat("r", ANNA, "mine"))

    simulate(main())


def test_what_cannot_be_handled_is_buried_and_the_rest_is_handled() -> None:
    handled: list[Item] = []
    buried: list[tuple[bytes, str]] = []

    async def settle(items: Sequence[Item]) -> set[int]:
        (item,) = items
        if "poison" in repr(item.message):
            raise ValueError("no such thing")
        handled.append(item)
        return {len(handled)}

    async def bury(delivery: Delivery, reason: str) -> None:
        buried.append((delivery.body, reason))

    delivery = Delivery(b"all of it", "queue", False, 1, 1)
    items = [chat("r", ANNA, "good"), chat("r", ANNA, "poison"), chat("r", ANNA, "fine")]
    sent = asyncio.run(one_by_one([join("r", ANNA)], [(delivery, items)], "router.1", settle, bury))
    assert sent == {1, 2, 3}
    assert handled == [join("r", ANNA), items[0]._replace(redelivered=True), items[2]._replace(redelivered=True)]
    ((body, reason),) = buried
    assert b"poison" in body
    assert b"good" not in body
    assert reason == "ValueError: no such thing"


def test_a_crowd_is_told_once_for_all_who_came_meanwhile() -> None:
    async def main() -> None:
        added: list[Item] = []
        crowds = CrowdTimers(added.append)
        changes = Changes("r", True, 0, 0, crowd_changed=True, names_owed=True)
        crowds.note(changes)
        crowds.note(changes)
        await asyncio.sleep(1.5)
        assert [(item.room, item.message.names) for item in added] == [("r", False)]  # type: ignore[union-attr]
        crowds.note(changes)
        await asyncio.sleep(60)
        assert [item.message.names for item in added] == [False, False, True]  # type: ignore[union-attr]

    simulate(main())


def test_a_private_room_that_is_not_there_costs_the_store_what_one_that_is_there_costs() -> None:
    """So the time of an answer tells no stranger which of them there is."""

    async def main() -> None:
        scene = Scene()
        budget = private_room(ANNA.id, "new")
        await scene.others.decide([create(ANNA, "new", "Budget")], lambda changes: None)
        calls = []
        for room in (budget, "~nothing"):
            for _ in range(3):
                scene.hops = 0
                (refused,) = await scene.decide(join(room, BORYS))
                assert [frame["code"] for _, frame in told_directly(refused)] == ["no_such_room"]
                calls.append(scene.hops)
        assert calls == [2, 1, 1] * 2, "loaded once, and compared each time"

    simulate(main())


def test_a_router_that_stood_still_does_not_undo_what_came_after_a_question() -> None:
    """It took a `join`, and slept. Another router let the user in, and then they left."""

    async def main() -> None:
        scene = Scene()
        await scene.decide(join("r", ANNA))
        await scene.others.decide([join("r", BORYS), leave("r", BORYS)], lambda changes: None)
        asked = [join("r", BORYS), chat("r", ANNA, "late"), leave("r", ANNA)]
        await scene.decider.decide(asked, lambda changes: None, since=NOW_MS - LIMITS.question_ms - 1)
        room = scene.decider.cache.get("r")
        assert room is not None
        assert room.members.keys() == {ANNA.id}
        assert room.find(ANNA.id, "late") is not None, "a message is not lost"
        assert scene.refused == [asked[0].message, asked[2].message]

    simulate(main())
