"""Files that are given to the page reach the room, all and in their order, though the server takes four at once."""

from __future__ import annotations

from secrets import token_hex

from playwright.async_api import Browser, FilePayload, ViewportSize, expect

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
