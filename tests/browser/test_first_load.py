"""What the first load of the page costs on the wire, as one process serves it."""

from __future__ import annotations

from playwright.async_api import Browser, Response, expect

# The page, its scripts and styles, without fonts: bytes of content as they are sent.
SHELL_AT_MOST = 110_000


async def test_the_first_load_is_small_and_its_texts_are_compressed(browser: Browser, site: str) -> None:
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    await page.goto(site, wait_until="networkidle")
    await expect(page.get_by_test_id("login-name")).to_be_visible()
    shell = [answer for answer in answers if "/api/" not in answer.url and not answer.url.endswith(".woff2")]
    assert {answer.headers.get("content-encoding") for answer in shell} == {"br"}, [each.url for each in shell]
    sizes = {answer.url: int(answer.headers["content-length"]) for answer in shell}
    assert sum(sizes.values()) <= SHELL_AT_MOST, sizes
    await context.close()
