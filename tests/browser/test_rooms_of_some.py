"""Private and direct rooms in three real browser windows: who is let in sees the room, who is removed sees it go."""

from __future__ import annotations

import re
from pathlib import Path
from secrets import token_hex

from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from tests.browser.test_behaviour import played
from tests.browser.test_two_windows import DESKTOP, PHONE, enter, say, sees
from tests.servers.chromium import Chromium


def room_in_list(page: Page, title: str) -> Locator:
    return page.get_by_role("navigation").get_by_role("link").filter(has_text=title)


async def pick(page: Page, name: str) -> None:
    """Chooses somebody in the dialog that is open, by keys alone."""
    await page.get_by_test_id("people-field").fill(name[:-1].lower())
    found = page.get_by_test_id("found-person").filter(has_text=name)
    await expect(found).to_have_count(1)
    await page.get_by_test_id("people-field").press("Enter")
    await expect(page.get_by_test_id("chosen-person").filter(has_text=name)).to_have_count(1)


async def on_phone(page: Page) -> bool:
    return bool(page.viewport_size == PHONE)


async def open_list(page: Page) -> None:
    if await on_phone(page) and not await page.get_by_test_id("room-input").is_visible():
        await page.get_by_test_id("open-rooms").click()


async def show(page: Page, title: str) -> None:
    await open_list(page)
    await room_in_list(page, title).click()


async def show_people(page: Page) -> None:
    if not await page.get_by_test_id("people").is_visible():
        await page.get_by_test_id("toggle-people").click()


async def offer(page: Page, person: str) -> None:
    await show_people(page)
    await page.get_by_test_id("person").filter(has_text=person).click()


async def test_scenes_of_rooms_of_some_play_as_they_should(chromium: Chromium) -> None:
    await played("rooms-of-some.mjs", chromium)


async def test_a_private_room_is_made_entered_spoken_in_and_left_by_who_is_removed(
    browser: Browser, site: str, screenshots: Path
) -> None:
    tag = token_hex(3)
    names = {name: f"{name}-{tag}" for name in ("Олена", "Taras", "Марія")}
    lobby = f"lobby-{tag}"
    contexts = [
        await browser.new_context(viewport=DESKTOP, locale="uk-UA"),
        await browser.new_context(viewport=DESKTOP, locale="en-GB", color_scheme="dark"),
        await browser.new_context(viewport=PHONE, locale="uk-UA", has_touch=True, is_mobile=True),
    ]
    olena, taras, maria = [
        await enter(context, site, name, lobby) for context, name in zip(contexts, names.values(), strict=True)
    ]

    await olena.get_by_test_id("open-new-room").click()
    await olena.get_by_test_id("new-title").fill("Бюджет")
    await olena.get_by_test_id("new-topic").fill("Цифри на наступний рік")
    await pick(olena, names["Taras"])
    await olena.get_by_test_id("create-room").click()
    await expect(olena.get_by_test_id("room-title")).to_contain_text("Бюджет")
    await expect(olena.get_by_test_id("room-topic")).to_have_text("Цифри на наступний рік")

    # Who is let in has the room at once, and is told.
    await expect(room_in_list(taras, "Бюджет")).to_be_visible()
    await expect(taras.get_by_test_id("inbox-news")).to_be_visible()
    await taras.get_by_test_id("open-inbox").click()
    await expect(taras.get_by_test_id("happening")).to_have_text(re.compile(rf"{names['Олена']} added you to “Бюджет”"))
    await taras.screenshot(path=screenshots / "rooms-inbox-dark-en.png")
    await taras.get_by_test_id("happening").click()
    await expect(taras.get_by_test_id("room-title")).to_contain_text("Бюджет")
    await expect(taras.get_by_test_id("inbox-news")).to_have_count(0)
    await expect(taras.get_by_test_id("open-settings")).to_have_count(0)
    await say(olena, "Скільки лишилося?")
    await sees(taras, ["Скільки лишилося?"])
    await say(taras, "Enough for coffee.")
    await sees(olena, ["Скільки лишилося?", "Enough for coffee."])
    await open_list(maria)
    await expect(room_in_list(maria, "Бюджет")).to_have_count(0)

    # A file is for its members, as a message is.
    await taras.get_by_test_id("file-input").set_input_files(
        FilePayload(name="план.txt", mimeType="text/plain", buffer="1. Кава\n".encode())
    )
    await taras.get_by_test_id("send").click()
    await expect(olena.get_by_test_id("file-link").filter(has_text="план.txt")).to_be_visible()

    # A member lets in the third, on a phone.
    await taras.get_by_test_id("open-invite").click()
    await pick(taras, names["Марія"])
    await taras.get_by_test_id("invite-them").click()
    await expect(taras.get_by_test_id("invite-dialog")).to_have_count(0)
    await expect(olena.get_by_test_id("room-line")).to_contain_text(
        f"{names['Taras']} додає до кімнати: {names['Марія']}"
    )
    await show(maria, "Бюджет")
    await sees(maria, ["Скільки лишилося?", "Enough for coffee."])
    await say(maria, "На каву вистачить.")
    await sees(taras, ["Скільки лишилося?", "Enough for coffee.", "На каву вистачить."])

    # A role gives the right to more; without it the control is not there.
    await offer(taras, names["Марія"])
    await expect(taras.get_by_test_id("person-message")).to_be_visible()
    await expect(taras.get_by_test_id("person-remove")).to_have_count(0)
    await taras.keyboard.press("Escape")
    await expect(taras.get_by_test_id("person-menu")).to_have_count(0)
    await offer(olena, names["Taras"])
    await olena.screenshot(path=screenshots / "rooms-person-light-uk.png")
    await olena.get_by_test_id("person-moderator").click()
    await expect(taras.get_by_test_id("open-settings")).to_be_visible()
    await expect(olena.get_by_test_id("person").filter(has_text=names["Taras"])).to_contain_text("модератор")
    await taras.get_by_test_id("message").filter(has_text="На каву вистачить.").hover()
    await taras.get_by_test_id("action-delete").click()
    await taras.get_by_test_id("delete-anyway").click()
    await expect(maria.get_by_test_id("deleted-message")).to_have_count(1)

    # The moderator removes the third, who sees the room go.
    await maria.get_by_test_id("composer").fill("Ще одне")
    await offer(taras, names["Марія"])
    await taras.get_by_test_id("person-remove").click()
    await taras.get_by_test_id("remove-anyway").click()
    await expect(maria.get_by_test_id("lost-texts")).to_contain_text("Ще одне")
    await expect(maria.get_by_test_id("lost-texts")).to_contain_text(
        f"{names['Taras']} вилучає вас із кімнати «Бюджет»."
    )
    await maria.screenshot(path=screenshots / "rooms-lost-phone-uk.png")
    await maria.keyboard.press("Enter")
    await expect(room_in_list(maria, "Бюджет")).to_have_count(0)
    await expect(olena.get_by_test_id("people")).not_to_contain_text(names["Марія"])
    await say(olena, "Тепер удвох")
    await expect(taras.get_by_test_id("message-text").last).to_have_text("Тепер удвох")

    # How long messages are kept: said where the log begins, for everybody.
    await olena.get_by_test_id("open-settings").click()
    await olena.get_by_test_id("settings-keep").select_option("own")
    await expect(olena.get_by_test_id("settings-save")).to_be_disabled()
    await olena.get_by_test_id("settings-keep-days").fill("14")
    await olena.screenshot(path=screenshots / "rooms-keep-light-uk.png")
    await olena.get_by_test_id("settings-save").click()
    await expect(taras.get_by_test_id("kept")).to_have_text("Messages older than 14 days are removed.")
    await expect(taras.get_by_test_id("room-line").last).to_contain_text("has messages kept for 14 days")
    await olena.get_by_test_id("open-settings").click()
    await expect(olena.get_by_test_id("settings-keep-days")).to_have_value("14")
    await olena.get_by_test_id("settings-keep").select_option("90")
    await olena.get_by_test_id("settings-save").click()
    await expect(olena.get_by_test_id("kept")).to_have_text("Повідомлення, старші за 90 днів, вилучаються.")

    # Archived: a sentence in place of the field.
    await olena.get_by_test_id("open-settings").click()
    await olena.get_by_test_id("settings-archived").check()
    await olena.screenshot(path=screenshots / "rooms-settings-light-uk.png")
    await olena.get_by_test_id("settings-save").click()
    await expect(taras.get_by_test_id("closed")).to_contain_text("archived")
    await expect(taras.get_by_test_id("composer")).to_have_count(0)
    await olena.screenshot(path=screenshots / "rooms-archived-light-uk.png")
    await taras.screenshot(path=screenshots / "rooms-archived-dark-en.png")

    # It is all there when the page is loaded anew.
    await taras.reload()
    await expect(taras.get_by_test_id("room-title")).to_contain_text("Бюджет")
    await expect(taras.get_by_test_id("people")).to_contain_text(names["Олена"])
    await expect(taras.get_by_test_id("closed")).to_be_visible()
    for context in contexts:
        await context.close()


async def test_two_write_to_each_other_in_one_room_whoever_begins(
    browser: Browser, site: str, screenshots: Path
) -> None:
    tag = token_hex(3)
    lobby = f"lobby-{tag}"
    contexts = [
        await browser.new_context(viewport=DESKTOP, locale="uk-UA"),
        await browser.new_context(viewport=PHONE, locale="en-GB", color_scheme="dark", has_touch=True, is_mobile=True),
    ]
    olena = await enter(contexts[0], site, f"Олена-{tag}", lobby)
    taras = await enter(contexts[1], site, f"Taras-{tag}", lobby)

    await offer(olena, f"Taras-{tag}")
    await olena.get_by_test_id("person-message").click()
    await expect(olena.get_by_test_id("room-title")).to_have_text(f"Taras-{tag}")
    await say(olena, "Маєш хвилинку?")
    await open_list(taras)
    await expect(room_in_list(taras, f"Олена-{tag}")).to_contain_text("Маєш хвилинку?")
    await taras.screenshot(path=screenshots / "rooms-list-phone-dark-en.png")
    await taras.get_by_test_id("open-new-message").click()
    await pick(taras, f"Олена-{tag}")
    await taras.screenshot(path=screenshots / "rooms-new-message-phone-dark-en.png")
    await taras.get_by_test_id("write-to").click()
    await expect(taras.get_by_test_id("room-title")).to_have_text(f"Олена-{tag}")
    await sees(taras, ["Маєш хвилинку?"])
    await say(taras, "Always.")
    await sees(olena, ["Маєш хвилинку?", "Always."])
    await expect(olena.get_by_test_id("open-invite")).to_have_count(0)
    await expect(olena.get_by_test_id("leave-room")).to_have_count(0)
    await olena.screenshot(path=screenshots / "rooms-direct-light-uk.png")
    await taras.screenshot(path=screenshots / "rooms-direct-phone-dark-en.png")

    await olena.get_by_test_id("open-new-message").click()
    await olena.get_by_test_id("write-notes").click()
    await expect(olena.get_by_test_id("room-title")).to_contain_text("Нотатки для себе")
    await say(olena, "купити каву")
    await sees(olena, ["купити каву"])
    await olena.screenshot(path=screenshots / "rooms-notes-light-uk.png")
    for context in contexts:
        await context.close()


async def test_who_brings_a_public_room_into_being_sees_to_it(browser: Browser, site: str) -> None:
    tag = token_hex(3)
    lobby = f"lobby-{tag}"
    contexts = [await browser.new_context(viewport=DESKTOP, locale="en-GB") for _ in range(2)]
    olena, taras = [
        await enter(each, site, name, lobby) for each, name in zip(contexts, ("Olena", "Taras"), strict=True)
    ]
    await expect(taras.get_by_test_id("open-settings")).to_have_count(0)
    await olena.get_by_test_id("open-settings").click()
    await olena.get_by_test_id("settings-title").fill("The lobby")
    await olena.get_by_test_id("settings-posting").select_option("moderators")
    await olena.get_by_test_id("settings-save").click()
    await expect(taras.get_by_test_id("room-title")).to_have_text("#The lobby")
    await expect(taras.get_by_test_id("closed")).to_contain_text("only moderators")
    await expect(room_in_list(taras, "The lobby")).to_be_visible()
    await offer(olena, "Taras")
    await olena.get_by_test_id("person-moderator").click()
    await expect(taras.get_by_test_id("open-settings")).to_be_visible()
    await say(taras, "good morning")
    await sees(olena, ["good morning"])
    await expect(olena.get_by_test_id("room-line").last).to_contain_text("Olena made Taras a moderator")
    await taras.get_by_test_id("leave-room").click()
    await expect(room_in_list(taras, "The lobby")).to_have_count(0)
    for context in contexts:
        await context.close()


async def test_what_happened_while_one_was_away_is_there_on_return(browser: Browser, site: str) -> None:
    """Let in, removed from another room, and given a role: all of it without a connection."""
    tag = token_hex(3)
    lobby = f"lobby-{tag}"
    contexts = [await browser.new_context(viewport=DESKTOP, locale="en-GB") for _ in range(2)]
    olena, taras = [
        await enter(each, site, name, lobby)
        for each, name in zip(contexts, (f"Olena-{tag}", f"Taras-{tag}"), strict=True)
    ]
    for title in ("Stays", "Goes"):
        await olena.get_by_test_id("open-new-room").click()
        await olena.get_by_test_id("new-title").fill(title)
        await pick(olena, f"Taras-{tag}")
        await olena.get_by_test_id("create-room").click()
        await expect(olena.get_by_test_id("room-title")).to_contain_text(title)
        await expect(room_in_list(taras, title)).to_be_visible()
    await show(taras, "Goes")
    await taras.get_by_test_id("composer").fill("half a sentence")
    await taras.close()

    await offer(olena, f"Taras-{tag}")
    await olena.get_by_test_id("person-remove").click()
    await olena.get_by_test_id("remove-anyway").click()
    await expect(olena.get_by_test_id("people")).not_to_contain_text(f"Taras-{tag}")
    await say(olena, "now that we are alone")
    await show(olena, "Stays")
    await offer(olena, f"Taras-{tag}")
    await olena.get_by_test_id("person-owner").click()
    await olena.get_by_test_id("open-new-room").click()
    await olena.get_by_test_id("new-title").fill("New")
    await pick(olena, f"Taras-{tag}")
    await olena.get_by_test_id("create-room").click()
    await expect(olena.get_by_test_id("room-title")).to_contain_text("New")

    back = await contexts[1].new_page()
    await back.goto(site)
    await expect(back.get_by_test_id("lost-texts")).to_contain_text("half a sentence")
    await back.keyboard.press("Enter")
    await expect(room_in_list(back, "New")).to_be_visible()
    await expect(room_in_list(back, "Goes")).to_have_count(0)
    await show(back, "Stays")
    await expect(back.get_by_test_id("open-settings")).to_be_visible()
    await back.get_by_test_id("open-inbox").click()
    await expect(back.get_by_test_id("happening")).to_have_count(4)
    await expect(back.get_by_test_id("happening").first).to_contain_text("added you to “New”")
    for context in contexts:
        await context.close()
