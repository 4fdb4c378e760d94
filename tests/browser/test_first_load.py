"""What the first load of the page costs on the wire."""

from __future__ import annotations

import httpx
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
    async with httpx.AsyncClient(trust_env=False) as http:
        sizes = {answer.url: await size(http, answer.url) for answer in shell}
    assert sum(sizes.values()) <= SHELL_AT_MOST, sizes
    await context.close()


async def size(http: httpx.AsyncClient, url: str) -> int:
    """Bytes of the answer's content as they come. A page served as it is compressed has no length to read of."""
    async with http.stream("GET", url, headers={"Accept-Encoding": "br"}) as answer:
        assert answer.status_code == 200
        return sum([len(part) async for part in answer.aiter_raw()])
