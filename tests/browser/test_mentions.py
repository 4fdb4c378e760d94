"""Mentions in real browser windows: who was called while away finds it, on every device, for as long as it holds."""

from __future__ import annotations

import re
from pathlib import Path
from secrets import token_hex

from playwright.async_api import Browser, Page, expect

from tests.browser.test_behaviour import played
from tests.browser.test_rooms_of_some import open_list, show
from tests.browser.test_two_windows import DESKTOP, PHONE, enter, join, say
from tests.servers.chromium import Chromium


async def test_scenes_of_mentions_play_as_they_should(chromium: Chromium) -> None:
    await played("mentions.mjs", chromium)


async def call(page: Page, name: str, rest: str) -> None:
    """Says something to `name`, whose name is completed by keys."""
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially(f"@{name[:-1].lower()}")
    await expect(page.get_by_test_id("name").filter(has_text=name)).to_have_count(1)
    await composer.press("Tab")
    await composer.press_sequentially(rest)
    await page.get_by_test_id("send").click()


async def edit_last(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").press("ArrowUp")
    await page.get_by_test_id("edit-field").fill(text)
    await page.get_by_test_id("edit-save").click()


async def closed(page: Page) -> None:
    """The drawer of rooms has slid away."""
    await expect(page.get_by_test_id("room-input")).to_be_hidden()


async def go(page: Page, room: str) -> None:
    """Into another room, on a phone."""
    await closed(page)
    await open_list(page)
    await page.get_by_test_id("room-input").fill(room)
    await page.get_by_test_id("room-join").click()
    await expect(page.get_by_test_id("room-title")).to_contain_text(room)


async def test_who_is_called_while_away_finds_it_and_reads_it_on_any_device(
    browser: Browser, site: str, screenshots: Path
) -> None:
    tag = token_hex(3)
    room, elsewhere, olena_name = f"обід-{tag}", f"інше-{tag}", f"Олена-{tag}"
    olena = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    taras = await enter(await browser.new_context(viewport=DESKTOP, locale="uk-UA"), site, f"Taras-{tag}", room)
    window = await enter(olena, site, olena_name, room)
    await join(window, elsewhere)
    await expect(taras.get_by_test_id("people")).to_contain_text(olena_name)
    await window.close()

    await call(taras, olena_name, "ходімо на обід?")
    await expect(taras.get_by_test_id("mention")).to_have_text(f"@{olena_name}")
    await say(taras, "За десять хвилин.")

    # Two windows of one person: what is read in one is read in the other.
    window, other = await olena.new_page(), await olena.new_page()
    for page in (window, other):
        await page.goto(f"{site}/#/{elsewhere}")
        await expect(page.get_by_test_id(f"mentions-{room}")).to_have_text("@1")
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_text("2")
        await expect(page.get_by_test_id("inbox-news")).to_be_visible()
    await window.screenshot(path=screenshots / "mentions-badge.png")
    await window.bring_to_front()
    await window.get_by_test_id("open-inbox").click()
    await window.get_by_test_id("happening").filter(has_text=f"mentioned you in #{room}").click()
    await expect(window.get_by_test_id("mention-of-me")).to_be_in_viewport()
    for page in (window, other):
        await expect(page.get_by_test_id(f"mentions-{room}")).to_have_count(0)
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_count(0)
        await expect(page.get_by_test_id("inbox-news")).to_have_count(0)


async def test_an_edit_takes_the_mention_and_a_level_silences_the_room(
    browser: Browser, site: str, screenshots: Path
) -> None:
    tag = token_hex(3)
    room, elsewhere, olena_name = f"обід-{tag}", f"інше-{tag}", f"Олена-{tag}"
    taras = await enter(await browser.new_context(viewport=DESKTOP, locale="uk-UA"), site, f"Taras-{tag}", room)
    phone = await browser.new_context(
        viewport=PHONE, locale="uk-UA", color_scheme="dark", has_touch=True, is_mobile=True
    )
    olena = await enter(phone, site, olena_name, room)
    await expect(taras.get_by_test_id("people")).to_contain_text(olena_name)
    await go(olena, elsewhere)
    await call(taras, olena_name, "де ти?")
    await closed(olena)
    await open_list(olena)
    badge, unread = olena.get_by_test_id(f"mentions-{room}"), olena.get_by_test_id(f"unread-{room}")
    await expect(badge).to_have_text("@1")
    await edit_last(taras, "Вже знаю")
    await expect(badge).to_have_count(0)
    await expect(unread).to_have_text("1")
    await edit_last(taras, f"@{olena_name}, все ж: де ти?")
    await expect(badge).to_have_text("@1")
    await show(olena, room)
    await expect(olena.get_by_test_id("mention-of-me")).to_be_visible()

    await olena.get_by_test_id("open-level").click()
    await olena.get_by_test_id("level-none").click()
    await expect(olena.get_by_test_id("open-level")).to_have_attribute("aria-label", "Сповіщення: Нічого")
    await go(olena, elsewhere)
    await say(taras, "Тут хтось є?")
    await closed(olena)
    await open_list(olena)
    await expect(unread).to_have_text("1")
    await expect(olena).not_to_have_title(re.compile(r"^\("))
    await expect(olena.get_by_test_id(f"room-{room}").get_by_test_id("muted")).to_be_visible()
    await call(taras, olena_name, "агов")
    await expect(badge).to_have_text("@1")
    await expect(olena).not_to_have_title(re.compile(r"^\("))
    await olena.screenshot(path=screenshots / "mentions-muted-phone.png")

    # It holds on a device that comes later.
    later = await phone.new_page()
    await later.goto(f"{site}/#/{room}")
    await expect(later.get_by_test_id("open-level")).to_have_attribute("aria-label", "Сповіщення: Нічого")
