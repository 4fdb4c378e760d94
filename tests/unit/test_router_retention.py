"""What is too old goes step by step, in its turn and after a pause, and files are told before their rows go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.router.core.changes import Expire, Item
from services.router.retention import DAY_MS, Retention, RetentionLimits
from services.router.retention_store import Ageing, Leftover, Old
from shared.runtime.outage import StoreDown

NOW_MS = 1_700_000_000_000
ENTRIES = 3


class Store:
    """One shard with these rooms: of each entry how many days ago it came. A file is on each even number."""

    def __init__(self, rooms: dict[str, list[float]], keep_days: dict[str, int] | None = None) -> None:
        self.rooms, self.keep_days = rooms, keep_days or {}
        self.first, self.removed = dict.fromkeys(rooms, 1), dict.fromkeys(rooms, 0)
        self.calls: list[Any] = []

    def at_ms(self, room: str, seq: int) -> int:
        return int(NOW_MS - self.rooms[room][seq - 1] * DAY_MS)

    async def ageing(self, shard: int, after: int, limit: int) -> tuple[list[Ageing], int | None]:
        names = list(self.rooms)[after : after + limit]
        found = []
        for name in names:
            first = self.first[name]
            oldest = self.at_ms(name, first) if first <= len(self.rooms[name]) else None
            left = self.removed[name] < first - 1
            found.append(Ageing(name, self.keep_days.get(name, 0), first, oldest, left))
        return found, after + len(names) if names else None

    async def oldest(self, room: str, start: int, limit: int) -> list[Old]:
        end = len(self.rooms[room])
        numbers = range(max(start, self.first[room]), end + 1)[:limit]
        return [Old(n, self.at_ms(room, n), None if n % 2 else f"{room}{n}") for n in numbers]

    async def leftover(self, room: str, limit: int) -> Leftover | None:
        numbers = range(self.removed[room] + 1, self.first[room])[:limit]
        if not numbers:
            return None
        return Leftover(numbers[0], numbers[-1], [f"{room}{n}" for n in numbers if n % 2 == 0])

    async def remove(self, room: str, leftover: Leftover) -> None:
        self.calls.append(("removed", room, leftover.start, leftover.end))
        self.removed[room] = leftover.end


class Scene:
    """`handles`: whether what the router says to itself is handled at once."""

    def __init__(
        self, store: Store, handles: bool = True, busy: Callable[[], bool] = lambda: False, **limits: Any
    ) -> None:
        self.store, self.items, self.tasks = store, list[Expire](), list[asyncio.Task[None]]()
        self.seconds, self.slept = 0.0, list[float]()
        self._handles = handles
        reads = SimpleNamespace(turn=asyncio.Semaphore(1), is_busy=False, begin=self._begin)
        self.retention = Retention(
            store, cast(Any, reads), cast(Any, self), lambda: NOW_MS, lambda: self.seconds, self._add, busy,
            RetentionLimits(**{"entries": ENTRIES, "busy_s": 1.0, **limits}), self._sleep,
        )  # fmt: skip

    def _begin(self, work: Awaitable[None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    def _add(self, item: Item) -> None:
        assert isinstance(item.message, Expire)
        self.items.append(item.message)
        if self._handles:
            self.store.first[item.room] = item.message.first

    async def gone(self, files: Sequence[str]) -> None:
        self.store.calls.append(("told", *files))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


async def test_what_is_too_old_goes_in_steps_with_its_files_told_before() -> None:
    scene = Scene(Store({"a": [9, 8, 7, 6, 5, 1, 0]}), keep_days=4)
    await scene.retention.look(0)
    assert [(said.first, said.files) for said in scene.items] == [(4, ["a2"]), (6, ["a4"])]
    assert scene.store.calls == [
        ("told", "a2"), ("removed", "a", 1, 3), ("told", "a4"), ("removed", "a", 4, 5),
    ]  # fmt: skip
    await scene.retention.look(0)
    assert len(scene.items) == 2


async def test_each_room_goes_by_its_own_days_or_else_the_deployment_s() -> None:
    old = [40.0, 20.0, 5.0]
    store = Store({"default": old, "short": old, "long": old}, {"short": 10, "long": 365})
    scene = Scene(store, keep_days=30)
    await scene.retention.look(0)
    assert store.first == {"default": 2, "short": 3, "long": 1}
    assert [(said.room, said.keep_days) for said in scene.items] == [("default", 0), ("short", 10)]


async def test_without_any_days_everything_stays() -> None:
    scene = Scene(Store({"a": [1000.0, 1.0]}))
    await scene.retention.look(0)
    assert (scene.items, scene.store.calls) == ([], [])


async def test_all_of_a_room_may_go_and_what_a_clock_that_went_back_wrote_stays_behind_what_is_young() -> None:
    store = Store({"all": [9.0, 8.0, 7.0], "mixed": [9.0, 1.0, 9.0]})
    await Scene(store, keep_days=4).retention.look(0)
    assert store.first == {"all": 4, "mixed": 2}
    assert store.removed == {"all": 3, "mixed": 1}


async def test_what_another_router_has_left_is_removed_and_its_files_are_told_again() -> None:
    store = Store({"a": [9.0, 8.0, 1.0]})
    store.first["a"] = 3
    scene = Scene(store)
    await scene.retention.look(0)
    assert scene.items == []
    assert store.calls == [("told", "a2"), ("removed", "a", 1, 2)]


async def test_what_its_writer_does_not_take_is_not_removed_and_waited_for_a_while_only() -> None:
    store = Store({"a": [9.0, 8.0, 1.0], "b": [9.0, 1.0]})
    scene = Scene(store, handles=False, keep_days=4)
    await scene.retention.look(0)
    assert [said.room for said in scene.items] == ["a", "b"]
    assert store.calls == []


async def test_a_step_waits_while_frames_wait_but_not_for_ever() -> None:
    looks = iter([True] * 5)
    scene = Scene(Store({}), busy=lambda: next(looks, False))
    await scene.retention.look(0)
    assert [s for s in scene.slept if s == 0.1] == [0.1] * 5
    always = Scene(Store({"a": [9.0, 1.0]}), busy=lambda: True, keep_days=4)
    await always.retention.look(0)
    assert always.store.removed == {"a": 1}


async def test_a_shard_that_ticks_is_looked_at_now_and_then() -> None:
    scene = Scene(Store({"a": [9.0, 1.0]}), keep_days=4, look_s=100.0, first_s=10.0)

    async def ticked(at: float) -> int:
        scene.seconds = at
        scene.retention.tick(0)
        await asyncio.gather(*scene.tasks)
        return len(scene.tasks)

    assert [await ticked(at) for at in (0.0, 9.0, 10.0, 15.0, 109.0, 110.0)] == [0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize("why", [StoreDown("away"), RuntimeError("broken")])
async def test_a_look_that_fails_is_done_again_by_a_later_tick(why: Exception) -> None:
    store = Store({"a": [9.0, 1.0]})
    scene = Scene(store, keep_days=4, look_s=10.0)
    ageing, store.ageing = store.ageing, _raising(why)  # type: ignore[method-assign]
    for at in (0.0, 10.0):
        scene.seconds = at
        scene.retention.tick(0)
    await asyncio.gather(*scene.tasks)
    store.ageing = ageing  # type: ignore[method-assign]
    scene.seconds = 20.0
    scene.retention.tick(0)
    await asyncio.gather(*scene.tasks)
    assert store.removed == {"a": 1}


def _raising(why: Exception) -> Any:
    async def raises(*_: Any) -> Any:
        raise why

    return raises
