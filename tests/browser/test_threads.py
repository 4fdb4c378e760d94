"""Threads in two real browser windows: what one answers there, the other sees there and in the room."""

from __future__ import annotations

import re
from secrets import token_hex

from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.test_behaviour import played
from tests.browser.test_changes import act, edit, row
from tests.browser.test_two_windows import DESKTOP, PHONE, enter, say, sees
from tests.servers.chromium import Chromium


def thread(page: Page) -> Locator:
    return page.get_by_test_id("thread")


async def answer(page: Page, text: str) -> None:
    """Writes into the thread that is open."""
    await thread(page).get_by_test_id("composer").fill(text)
    await thread(page).get_by_test_id("send").click()


async def answers(page: Page, texts: list[str]) -> None:
    """Waits until the open thread says just this, the message under which it stands first."""
    await expect(thread(page).get_by_test_id("message-text")).to_have_text(texts)


async def test_scenes_of_threads_play_as_they_should(chromium: Chromium) -> None:
    await played("threads.mjs", chromium)


async def test_two_windows_talk_in_a_thread_and_the_room_tells_of_it(browser: Browser, site: str) -> None:
    room = f"гілки-{token_hex(3)}"
    olena = await browser.new_context(viewport=DESKTOP, locale="uk-UA")
    taras = await browser.new_context(viewport=PHONE, locale="en-GB", has_touch=True, is_mobile=True)
    first, second = await enter(olena, site, "Олена", room), await enter(taras, site, "Taras", room)
    await say(first, "хто по каву?")
    await sees(second, ["хто по каву?"])

    await act(first, row(first, "хто по каву?"), "thread")
    await answer(first, "я чорну")
    await answers(first, ["хто по каву?", "я чорну"])
    line = second.get_by_test_id("threaded-line")
    await expect(line).to_contain_text("я чорну")
    chip = second.get_by_test_id("replies")
    await expect(chip).to_contain_text("1 reply")

    await chip.tap()
    await answers(second, ["хто по каву?", "я чорну"])
    await answer(second, "white for me")
    await answers(first, ["хто по каву?", "я чорну", "white for me"])
    own = first.locator("main")
    await expect(own.get_by_test_id("replies")).to_contain_text("2 відповіді")

    # What is changed in a thread holds wherever it is shown.
    await edit(first, thread(first).get_by_test_id("message").filter(has_text="я чорну"), "я зелений чай")
    await answers(second, ["хто по каву?", "я зелений чай", "white for me"])
    await second.go_back()
    await expect(thread(second)).to_have_count(0)
    await expect(line.first).to_contain_text("я зелений чай")

    await first.get_by_test_id("close-thread").click()
    await act(first, row(first, "хто по каву?"), "delete")
    await first.get_by_test_id("delete-anyway").click()
    gone = second.get_by_test_id("deleted-message")
    await expect(gone.get_by_test_id("replies")).to_contain_text("2 replies")
    await gone.get_by_test_id("replies").tap()
    await answers(second, ["я зелений чай", "white for me"])
    await olena.close()
    await taras.close()


async def test_a_thread_far_above_what_is_here_opens_by_its_address(browser: Browser, site: str) -> None:
    room = f"long-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Olena", room)
    await say(page, "the beginning")
    await act(page, row(page, "the beginning"), "thread")
    await answer(page, "under it")
    await answers(page, ["the beginning", "under it"])
    address = page.url
    assert re.search(r"/thread/\d+$", address)
    await page.get_by_test_id("close-thread").click()
    for number in range(70):
        await say(page, f"line {number}")
    await expect(page.get_by_test_id("pending-message")).to_have_count(0)
    await expect(row(page, "line 69")).to_have_attribute("data-state", "stored", timeout=30_000)

    await page.goto("about:blank")
    await page.goto(address)
    await answers(page, ["the beginning", "under it"])
    await answer(page, "much later")
    await answers(page, ["the beginning", "under it", "much later"])
    await context.close()
