"""An older copy of the folder is put back, as people do with a `var/` or a snapshot of a machine: the epoch is the
same, and the store has less than everybody knows. Both clients show what is said then."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from secrets import token_hex

from playwright.async_api import Browser, expect

from shared.client import Client, WentBack, fixed
from tests.browser.conftest import free_port, standalone
from tests.browser.test_two_windows import DESKTOP, enter, say, sees

PATIENCE_S = 60.0


async def test_both_clients_show_what_is_said_after_an_older_folder_was_put_back(
    browser: Browser, tmp_path: Path
) -> None:
    room, port = f"r-{token_hex(3)}", free_port()
    var, older = tmp_path / "var", tmp_path / "older"
    first, lost = [f"first {n}" for n in range(5)], [f"lost {n}" for n in range(6)]
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")

    async with standalone(tmp_path, port) as site:
        page = await enter(context, site, "Mariya", room)
        guest = await page.request.post(f"{site}/api/accounts/guest", data={"name": "Ihor"})
        ihor = Client([f"{site.replace('http', 'ws', 1)}/ws"], fixed((await guest.json())["token"]))
        ihor.start()
        await ihor.join(room, 0)
        for text in first:
            await ihor.chat(room, text)
        await sees(page, first)
    shutil.copytree(var, older)

    events = ihor.events()
    async with standalone(tmp_path, port), asyncio.timeout(PATIENCE_S):
        for text in lost:
            await ihor.chat(room, text)
        await sees(page, [*first, *lost])
        await say(page, "mine, lost")
        await sees(page, [*first, *lost, "mine, lost"])
    shutil.rmtree(var)
    shutil.copytree(older, var)

    async with standalone(tmp_path, port), asyncio.timeout(PATIENCE_S):
        await ihor.chat(room, "after it")
        await expect(page.locator("[data-testid=connection-state][data-state=open]")).to_have_count(1, timeout=40_000)
        await say(page, "mine, after it")
        await ihor.until(lambda: len(ihor.room(room).log.messages) == len(first) + 2)
        told = [*first, "after it", "mine, after it"]
        assert [message.text for message in ihor.room(room).log.messages] == told
        await sees(page, told)
        await expect(page.get_by_test_id("pending-message")).to_have_count(0)
        async for event in events:
            if isinstance(event, WentBack):
                break
        await ihor.stop()
    await context.close()
