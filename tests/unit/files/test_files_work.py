"""What becomes of a body that says which files are gone, when they cannot be ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from services.files import work
from services.files.access import RoomAccess
from services.files.ingest import Ingest
from services.files.posting import Posting
from services.files.work import FrameWork
from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import FILES
from shared.protocol.bus import FileGone, Tick
from shared.protocol.codec import encode, pack
from shared.runtime.outage import StoreDown


class Files:
    """Ends files, unless it `raises`; the good one always. `told`: of each that it was asked, before and after."""

    def __init__(self) -> None:
        self.raises: Exception | None = None
        self.ended: list[str] = []
        self.told: asyncio.Queue[str] = asyncio.Queue()

    async def end(self, id: str) -> bool:
        self.told.put_nowait(f"{id} tried")
        await asyncio.sleep(0)
        if self.raises is not None and id != "good":
            raise self.raises
        self.ended.append(id)
        self.told.put_nowait(f"{id} ended")
        return True


class Site:
    def __init__(self) -> None:
        self.broker, self.files = Broker(), Files()
        self.bus = MemoryBus(self.broker)

    async def start(self) -> None:
        self.consumer = await self.bus.consume([FILES], "files", 10)
        self.work = FrameWork(
            self.consumer, self.bus, "files", cast(RoomAccess, None), cast(Ingest, self.files), cast(Posting, None),
            limit=1, at_once=1, behind=10,
        )  # fmt: skip
        self.running = asyncio.create_task(self.work.run())

    async def gone(self, *ids: str) -> None:
        self.files.told = asyncio.Queue()
        await self.bus.publish(FILES, encode("router", [pack(FileGone(file=id)) for id in ids]))

    async def hears(self, what: str) -> None:
        """Returns when it is told."""
        async with asyncio.timeout(5):
            while await self.files.told.get() != what:
                pass

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.consumer.close()

    @property
    def waiting(self) -> int:
        """Bodies that are not acknowledged."""
        return len(self.broker.queue(FILES).ready) + len(self.consumer.unacked)


@pytest_asyncio.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(work, "RETRY_S", 0.0)
    made = Site()
    await made.start()
    yield made
    await made.stop()


async def test_what_is_done_is_acknowledged(site: Site) -> None:
    await site.gone("a", "b")
    await site.hears("b ended")
    await site.work.drain()
    assert (site.files.ended, site.waiting) == (["a", "b"], 0)


async def test_while_the_store_is_away_the_body_is_kept_and_the_next_is_handled(site: Site) -> None:
    site.files.raises = StoreDown("away")
    await site.gone("a")
    await site.hears("a tried")
    await site.gone("good")
    await site.hears("good ended")
    await site.hears("a tried")
    assert (site.files.ended, site.waiting) == (["good"], 2)
    site.files.raises = None
    await site.work.drain()
    assert (site.files.ended, site.waiting) == (["good", "a"], 0)
    assert not site.broker.dead


async def test_a_service_that_ends_while_the_store_is_away_leaves_it_to_the_next(site: Site) -> None:
    site.files.raises = StoreDown("away")
    await site.gone("a")
    await site.hears("a tried")
    await site.stop()
    site.files.raises = None
    assert site.waiting == 1
    await site.start()
    await site.hears("a ended")
    await site.work.drain()
    assert (site.files.ended, site.waiting) == (["a"], 0)


async def test_what_fails_for_good_becomes_a_dead_letter(site: Site) -> None:
    site.files.raises = ValueError("a bug")
    await site.gone("a", "good")
    await site.hears("a tried")
    await site.work.drain()
    assert [(queue, reason) for queue, reason, _ in site.broker.dead] == [(FILES, "ValueError: a bug")]
    assert site.waiting == 0


async def test_a_body_with_what_is_nobodys_work_here_ends_no_file(site: Site) -> None:
    await site.bus.publish(FILES, encode("router", [pack(FileGone(file="a")), pack(Tick())]))
    await site.gone("b")
    await site.hears("b ended")
    await site.work.drain()
    assert site.files.ended == ["b"]
    assert [reason for _, reason, _ in site.broker.dead] == ["`tick` is not the files' work"]
