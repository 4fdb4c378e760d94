"""Who signs in somewhere hears of it everywhere else."""

from __future__ import annotations

import re
from pathlib import Path
from secrets import token_hex

from playwright.async_api import Browser, Page, expect

from tests.browser.test_password import OLD, come_in
from tests.browser.test_two_windows import DESKTOP, PHONE

HERE = re.compile(r"You signed in here: Chrome, \w+ · [\d.]+")
ELSEWHERE = re.compile(r"Новий вхід: Chrome, \w+ · [\d.]+")


async def connected(page: Page) -> None:
    await expect(page.get_by_test_id("open-inbox")).to_be_visible()


async def test_a_sign_in_rings_on_the_other_device_and_not_on_its_own(
    browser: Browser, site: str, screenshots: Path
) -> None:
    name = f"Олена-{token_hex(3)}"
    home = await browser.new_context(viewport=DESKTOP, locale="uk-UA", color_scheme="light")
    street = await browser.new_context(viewport=PHONE, locale="en-GB", color_scheme="dark", has_touch=True)
    mine, phone = await home.new_page(), await street.new_page()
    await mine.goto(site)
    await come_in(mine, name, OLD, register=True)
    await connected(mine)
    await phone.goto(site)
    await come_in(phone, name, OLD)

    await expect(mine.get_by_test_id("inbox-news")).to_be_visible()
    await mine.get_by_test_id("open-inbox").click()
    await expect(mine.get_by_test_id("happening")).to_contain_text(ELSEWHERE)
    await mine.screenshot(path=screenshots / "sign-in-elsewhere.png")
    await expect(mine.get_by_test_id("inbox-news")).to_have_count(0)

    await phone.reload()  # it knows its own sign-in also after that
    await connected(phone)
    await phone.get_by_test_id("open-inbox").click()
    await expect(phone.get_by_test_id("happening")).to_contain_text(HERE)
    await phone.screenshot(path=screenshots / "sign-in-here.png")
    await phone.keyboard.press("Escape")

    await phone.goto("about:blank")
    again = await street.new_page()  # another tab, which comes in by the cookie
    await again.goto(site)
    await connected(again)
    await again.get_by_test_id("open-inbox").click()
    await expect(again.get_by_test_id("happening")).to_contain_text(HERE)
    await home.close()
    await street.close()
