"""What is done to messages that are there already, in two real browser windows: each sees what the other does."""

from __future__ import annotations

import re
from secrets import token_hex

from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from tests.browser.test_behaviour import played
from tests.browser.test_two_windows import DESKTOP, PHONE, enter, say, sees
from tests.servers.chromium import Chromium


def row(page: Page, text: str) -> Locator:
    """The message with this text, as it is now."""
    whole = re.compile(f"^{re.escape(text)}$")  # a quote of it in another row is not it
    return page.get_by_test_id("message").filter(has=page.get_by_test_id("message-text").filter(has_text=whole))


async def act(page: Page, message: Locator, action: str) -> None:
    """Presses one of the actions at a message: at its row by mouse, in the sheet by touch."""
    if page.viewport_size == PHONE:
        await page.evaluate("document.activeElement.blur()")  # a touch may else only put the keyboard away
        await message.get_by_test_id("message-text").tap()
    else:
        await message.hover()
    await page.get_by_test_id(f"action-{action}").click()


async def edit(page: Page, message: Locator, text: str) -> None:
    await act(page, message, "edit")
    await page.get_by_test_id("edit-field").fill(text)
    await page.get_by_test_id("edit-save").click()


async def test_scenes_of_changes_play_as_they_should(chromium: Chromium) -> None:
    await played("changes.mjs", chromium)


async def test_two_windows_see_an_edit_a_deletion_a_reaction_and_a_reply_of_each_other(
    browser: Browser, site: str
) -> None:
    room = f"зміни-{token_hex(3)}"
    olena = await browser.new_context(viewport=DESKTOP, locale="uk-UA")
    taras = await browser.new_context(
        viewport=PHONE, locale="en-GB", color_scheme="dark", has_touch=True, is_mobile=True
    )
    first, second = await enter(olena, site, "Олена", room), await enter(taras, site, "Taras", room)
    await say(first, "о дев'ятій")
    await sees(second, ["о дев'ятій"])

    await edit(first, row(first, "о дев'ятій"), "о десятій")
    await sees(second, ["о десятій"])
    await expect(row(second, "о десятій").get_by_test_id("edited")).to_have_text("edited")
    await expect(row(first, "о десятій")).to_have_attribute("data-state", "stored")

    await act(second, row(second, "о десятій"), "reply")
    await expect(second.get_by_test_id("reply-bar")).to_contain_text("о десятій")
    await say(second, "I will be there")
    await sees(first, ["о десятій", "I will be there"])
    await expect(row(first, "I will be there").get_by_test_id("quote")).to_contain_text("о десятій")

    await act(first, row(first, "I will be there"), "react")
    await first.get_by_test_id("quick-emoji").filter(has_text="❤️").click()
    chip = row(second, "I will be there").get_by_test_id("reaction")
    await expect(chip).to_contain_text("❤️")
    await expect(chip).to_have_attribute("aria-pressed", "false")
    await expect(chip).to_have_attribute("title", "Олена")
    await chip.tap()
    mine = row(first, "I will be there").get_by_test_id("reaction")
    await expect(mine).to_contain_text("2")
    await expect(mine).to_have_attribute("title", re.compile(r"^Ви \S+ Taras$"))  # “і” or “та”, as the browser has it
    await mine.click()
    await expect(chip).to_contain_text("1")
    await expect(chip).to_have_attribute("aria-pressed", "true")

    await act(second, row(second, "о десятій"), "pin")
    await expect(row(first, "о десятій").get_by_test_id("pinned")).to_be_visible()

    await act(first, row(first, "о десятій"), "delete")
    await first.get_by_test_id("delete-anyway").click()
    for page, said in ((first, "повідомлення вилучено"), (second, "message deleted")):
        await expect(page.get_by_test_id("deleted-message")).to_contain_text(f"Олена {said}")
        await expect(row(page, "I will be there").get_by_test_id("quote")).to_contain_text(said)
        await sees(page, ["I will be there"])
    await olena.close()
    await taras.close()


async def test_what_was_changed_while_one_was_away_is_there_on_return(browser: Browser, site: str) -> None:
    room = f"away-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    other = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    mine, theirs = await enter(context, site, "Mariya", room), await enter(other, site, "Ihor", room)
    for text in ("one", "two", "three"):
        await say(theirs, text)
    await say(mine, "four")
    said = ["one", "two", "three", "four"]
    await sees(mine, said)
    await sees(theirs, said)

    await context.set_offline(True)
    await expect(mine.get_by_test_id("connection-state")).to_be_visible()
    await edit(theirs, row(theirs, "one"), "one, better")
    await act(theirs, row(theirs, "two"), "delete")
    await theirs.get_by_test_id("delete-anyway").click()
    await edit(mine, row(mine, "four"), "four, in the tunnel")
    await expect(row(mine, "four, in the tunnel")).to_have_attribute("data-state", "sending")
    await act(mine, row(mine, "three"), "react")
    await mine.get_by_test_id("quick-emoji").first.click()
    await sees(theirs, ["one, better", "three", "four"])

    await context.set_offline(False)
    for page in (mine, theirs):
        await sees(page, ["one, better", "three", "four, in the tunnel"])
        await expect(row(page, "three").get_by_test_id("reaction")).to_contain_text("1")
    await expect(row(mine, "four, in the tunnel")).to_have_attribute("data-state", "stored")
    await mine.reload()
    await sees(mine, ["one, better", "three", "four, in the tunnel"])
    await expect(row(mine, "three").get_by_test_id("reaction")).to_have_attribute("aria-pressed", "true")
    await context.close()
    await other.close()


async def test_nothing_of_it_is_forbidden_by_the_page_s_policy_or_comes_from_elsewhere(
    browser: Browser, site: str
) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="uk-UA")
    await context.add_init_script(
        "window.forbidden = []; addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>"
        " forbidden.push(`${violatedDirective} ${blockedURI}`))"
    )
    page = await enter(context, site, "Sam", f"policy-{token_hex(3)}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.get_by_test_id("file-input").set_input_files(
        FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"notes")
    )
    await say(page, "котик")
    await act(page, row(page, "котик"), "react")
    await page.get_by_test_id("emoji-search").fill("кіт")
    await page.get_by_test_id("emoji").first.click()
    await expect(row(page, "котик").get_by_test_id("reaction")).to_be_visible()
    await edit(page, row(page, "котик"), "кіт")
    file = page.get_by_test_id("message").filter(has=page.get_by_test_id("file-link"))
    await act(page, file, "pin")
    await expect(file.get_by_test_id("pinned")).to_be_visible()
    await act(page, file, "delete")
    await page.get_by_test_id("delete-anyway").click()
    await expect(page.get_by_test_id("deleted-message")).to_have_count(1)
    assert await page.evaluate("forbidden") == []
    assert [url for url in asked if not url.startswith((site, site.replace("http", "ws", 1)))] == []
    await context.close()
