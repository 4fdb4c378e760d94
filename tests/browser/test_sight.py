"""The read mark moves by sight: what nobody has seen stays unread, whatever arrives and whoever's window is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

from playwright.async_api import Browser, BrowserContext, Page, expect

from shared.client import Client, fixed
from tests.browser.test_two_windows import DESKTOP, enter, join, say, sees

LOOKS = "() => document.hasFocus()"


@asynccontextmanager
async def friend(page: Page, site: str, room: str) -> AsyncIterator[Client]:
    """Somebody else in the room."""
    guest = await page.request.post(f"{site}/api/accounts/guest", data={"name": f"Ihor-{token_hex(3)}"})
    async with Client([f"{site.replace('http', 'ws', 1)}/ws"], fixed((await guest.json())["token"])) as client:
        await client.join(room)
        yield client


async def lose_focus(context: BrowserContext, page: Page) -> None:
    """The window stays visible, and another has the focus. Playwright makes every page believe that it has it."""
    session = await context.new_cdp_session(page)
    await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    other = await context.new_page()
    await other.bring_to_front()
    await page.wait_for_function(f"() => !({LOOKS})()")
    assert await page.evaluate("document.visibilityState") == "visible"


async def test_what_was_said_while_one_was_away_is_unread_although_one_s_own_comes_after_it(
    browser: Browser, site: str
) -> None:
    room, other = f"r-{token_hex(3)}", f"s-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Mariya", other)
    await join(page, room)
    async with friend(page, site, room) as ihor:
        await ihor.chat(room, "seen")
        await sees(page, ["seen"])
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_count(0)
        await context.set_offline(True)
        await expect(page.get_by_test_id("connection-state")).to_be_visible()
        await say(page, "mine, from the tunnel")
        await page.get_by_test_id(f"room-{other}").click()
        for n in range(12):
            await ihor.chat(room, f"missed {n}")
        await context.set_offline(False)
        await ihor.caught_up(room, 14)  # one's own has arrived
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_text("12")
        await page.get_by_test_id(f"room-{room}").click()
        await expect(page.get_by_test_id("new-line")).to_be_in_viewport()
        said = ["seen", *(f"missed {n}" for n in range(12)), "mine, from the tunnel"]
        await sees(page, said)
        below = page.locator("[data-testid=new-line] + [data-testid=message]").get_by_test_id("message-text")
        await expect(below).to_have_text("missed 0")
    await context.close()


async def test_the_line_does_not_stand_above_one_s_own_message(browser: Browser, site: str) -> None:
    room, other = f"r-{token_hex(3)}", f"s-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Mariya", room)
    await context.set_offline(True)
    await expect(page.get_by_test_id("connection-state")).to_be_visible()
    await say(page, "mine")
    await join(page, other)
    async with friend(page, site, room) as ihor:
        await context.set_offline(False)
        await ihor.caught_up(room, 1)
        await ihor.chat(room, "theirs")
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_text("1")
        await page.get_by_test_id(f"room-{room}").click()
        below = page.locator("[data-testid=new-line] + [data-testid=message]").get_by_test_id("message-text")
        await expect(below).to_have_text("theirs")
    await context.close()


async def test_a_visible_window_without_focus_reads_nothing_until_somebody_is_there(
    browser: Browser, site: str
) -> None:
    room = f"r-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Mariya", room)
    async with friend(page, site, room) as ihor:
        await ihor.chat(room, "seen")
        await sees(page, ["seen"])
        await lose_focus(context, page)
        for n in range(3):
            await ihor.chat(room, f"not seen {n}")
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_text("3")
        await expect(page.get_by_test_id("new-line")).to_have_count(1)
        assert (await page.title()).startswith("(3)")
        await page.get_by_test_id("message").last.dispatch_event("wheel")  # over a window that has no focus
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_count(0)
        await expect(page.get_by_test_id("new-line")).to_have_count(1)
    await context.close()


async def test_what_a_script_posts_with_one_s_token_marks_nothing_as_read(browser: Browser, site: str) -> None:
    room, other = f"r-{token_hex(3)}", f"s-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    token = ""

    async def note(response: object) -> None:
        nonlocal token
        if (address := getattr(response, "url", "")).endswith("/guest") and "/api/" in address:
            token = (await response.json())["token"]  # type: ignore[attr-defined]

    context.on("response", note)
    page = await enter(context, site, "Mariya", room)
    await join(page, other)
    async with friend(page, site, room) as ihor:
        for n in range(5):
            await ihor.chat(room, f"theirs {n}")
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_text("5")
        posted = await page.request.post(
            f"{site}/api/files?room={room}",
            headers={"Authorization": f"Bearer {token}"},
            multipart={"file": {"name": "a.txt", "mimeType": "text/plain", "buffer": b"by a script"}},
        )
        assert posted.status == 201, await posted.text()
        await ihor.caught_up(room, 6)
        await ihor.chat(room, "and on")
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_text("6")
    await context.close()
