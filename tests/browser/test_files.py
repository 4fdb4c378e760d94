"""Files that are given to the page reach the room: all, in their order, once, though the server takes four at once."""

from __future__ import annotations

from secrets import token_hex

from playwright.async_api import Browser, FilePayload, Route, ViewportSize, expect

from tests.browser.test_two_windows import enter, say


async def test_eight_files_at_once_all_arrive_in_their_order_behind_the_words(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=ViewportSize(width=1440, height=900), locale="en-GB")
    page = await enter(context, site, "Olena", f"files-{token_hex(3)}")
    names = [f"{n}.txt" for n in range(1, 9)]
    files = [FilePayload(name=name, mimeType="text/plain", buffer=name.encode()) for name in names]
    await page.get_by_test_id("file-input").set_input_files(files)
    await expect(page.get_by_test_id("upload")).to_have_count(8)
    await say(page, "all of them")
    await expect(page.get_by_test_id("file-link")).to_have_count(8)
    rows = await page.get_by_test_id("message").all_inner_texts()
    told = [next(word for word in ["all of them", *names] if word in row) for row in rows]
    assert told == ["all of them", *names]
    await expect(page.get_by_test_id("upload")).to_have_count(0)
    await context.close()


async def test_of_two_tabs_one_sends_a_file_that_waits_and_the_other_when_that_one_is_gone(
    browser: Browser, site: str
) -> None:
    context = await browser.new_context(locale="en-GB")
    first = await enter(context, site, "Olena", f"tabs-{token_hex(3)}")

    async def stall(_route: Route) -> None:
        """The upload neither arrives nor fails."""

    await context.route("**/api/files?*", stall)
    note = FilePayload(name="note.txt", mimeType="text/plain", buffer=b"note")
    await first.get_by_test_id("file-input").set_input_files(note)
    await first.get_by_test_id("send").click()
    await first.get_by_test_id("composer").fill("half a thought")
    second = await context.new_page()
    await second.goto(first.url)
    await expect(second.get_by_test_id("composer")).to_have_value("half a thought")
    await expect(first.get_by_test_id("upload")).to_have_count(1)
    await expect(second.get_by_test_id("upload")).to_have_count(0)
    locks = (
        "navigator.locks.query().then(({ held }) => held.filter(({ name }) => name.startsWith('homin.file.')).length)"
    )
    assert await second.evaluate(locks) == 1

    await first.close()
    await context.unroute("**/api/files?*", stall)
    await second.reload()
    await expect(second.get_by_test_id("file-link")).to_have_count(1)
    await expect(second.get_by_test_id("upload")).to_have_count(0)
    await second.reload()
    await expect(second.get_by_test_id("file-link")).to_have_count(1)
    await expect(second.get_by_test_id("upload")).to_have_count(0)
    await context.close()
