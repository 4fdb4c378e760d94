"""Answers that list messages stay small however long the messages are, and no question stays without an answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.router.core.frames import ANSWER_BYTES
from tests.integration.gateway_deployment import deployed

LONG = "ж" * 8_000  # 16 KB
FIT = ANSWER_BYTES // (2 * len(LONG))


async def test_a_room_of_long_texts_comes_in_pages_and_whole(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=0, room_frames_per_s=0) as home,
        home.client("olena", window=32, keep=None) as olena,
        home.client("taras", keep=None) as taras,
    ):
        await olena.join("r")
        await asyncio.gather(*[olena.chat("r", LONG) for _ in range(260)])  # the first ones are in the store alone
        joined = await taras.join("r", after=0)
        assert ([m["seq"] for m in joined["messages"]], joined["more"]) == (list(range(1, FIT + 1)), True)
        await taras.caught_up("r", 260)
        assert [m.seq for m in taras.room("r").log.messages] == list(range(1, 261))
        for before in (261, 30):  # in memory, and not
            page = await olena.history("r", before=before)
            assert ([m.seq for m in page.messages], page.more) == (list(range(before - FIT, before)), True)
        page = await olena.history("r", after=30)
        assert ([m.seq for m in page.messages], page.more) == (list(range(31, 31 + FIT)), True)
