"""Two people, two real browser windows: they come in, chat, send a picture, lose the network and miss nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

from playwright.async_api import Browser, BrowserContext, FilePayload, Page, ViewportSize, expect

from shared.client import Client, fixed

DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)


async def enter(context: BrowserContext, site: str, name: str, room: str) -> Page:
    """A window in which `name` has joined `room`."""
    page = await context.new_page()
    await page.goto(site)
    await page.get_by_test_id("login-name").fill(name)
    await page.get_by_test_id("login-submit").click()
    await join(page, room)
    return page


async def join(page: Page, room: str) -> None:
    # On a phone the rooms are in a drawer.
    await expect(page.get_by_test_id("room-input").or_(page.get_by_test_id("open-rooms")).first).to_be_visible()
    if not await page.get_by_test_id("room-input").is_visible():
        await page.get_by_test_id("open-rooms").click()
    await page.get_by_test_id("room-input").fill(room)
    await page.get_by_test_id("room-join").click()
    await expect(page.get_by_test_id("composer")).to_be_visible()


async def say(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").fill(text)
    await page.get_by_test_id("send").click()


async def sees(page: Page, texts: Sequence[str]) -> None:
    """The room's messages are these, in this order, each once."""
    await expect(page.get_by_test_id("message-text")).to_have_text(list(texts))


async def test_people_chat_send_a_picture_and_miss_nothing(browser: Browser, site: str, screenshots: Path) -> None:
    room = f"кухня-{token_hex(3)}"
    olena = await browser.new_context(viewport=DESKTOP, locale="uk-UA", color_scheme="light")
    taras = await browser.new_context(viewport=PHONE, locale="en-GB", color_scheme="dark", has_touch=True)
    first, second = await enter(olena, site, "Олена", room), await enter(taras, site, "Taras", room)

    await say(first, "Добрий ранок! Хто вже на місці?")
    await sees(second, ["Добрий ранок! Хто вже на місці?"])  # or the answer might come first
    await say(second, "I am, coffee in hand.")
    said = ["Добрий ранок! Хто вже на місці?", "I am, coffee in hand."]
    await sees(first, said)
    await sees(second, said)
    await expect(first.get_by_test_id("people")).to_contain_text("Taras")

    picture = await first.screenshot()
    await second.get_by_test_id("file-input").set_input_files(
        FilePayload(name="desk.png", mimeType="image/png", buffer=picture)
    )
    await second.get_by_test_id("send").click()
    shown = first.get_by_test_id("picture").first
    await expect(shown).to_be_visible()
    await expect(shown).to_have_js_property("complete", True)
    assert await shown.evaluate("picture => picture.naturalWidth") == DESKTOP["width"]

    await first.get_by_test_id("file-input").set_input_files(
        FilePayload(name="план.txt", mimeType="text/plain", buffer="1. Зварити каву\n".encode())
    )
    await first.get_by_test_id("send").click()
    link = second.get_by_test_id("file-link").filter(has_text="план.txt")
    await expect(link).to_be_visible()
    async with second.expect_download() as downloading:
        await link.click()
    download = await downloading.value
    assert download.suggested_filename == "план.txt"
    assert Path(await download.path()).read_text() == "1. Зварити каву\n"

    await taras.set_offline(True)
    await expect(second.get_by_test_id("connection-state")).to_be_visible()
    missed = [f"Поки тебе не було, {n}" for n in range(1, 6)]
    for text in missed:
        await say(first, text)
    await sees(first, [*said, *missed])
    await say(second, "written while away")
    await expect(second.get_by_test_id("pending-message")).to_have_count(1)
    await second.screenshot(path=screenshots / "phone-offline.png")
    await taras.set_offline(False)
    await sees(second, [*said, *missed, "written while away"])
    await sees(first, [*said, *missed, "written while away"])
    await expect(second.get_by_test_id("pending-message")).to_have_count(0)

    await first.screenshot(path=screenshots / "desktop-light-uk.png")
    await second.screenshot(path=screenshots / "phone-dark-en.png")
    await olena.close()
    await taras.close()


async def test_a_closed_lid_loses_nothing(browser: Browser, site: str) -> None:
    """The window is gone for a while; the same browser opens the page again and is where it was."""
    room = f"lid-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    other = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    mine, theirs = await enter(context, site, "Mariya", room), await enter(other, site, "Ihor", room)
    await say(theirs, "before")
    await sees(mine, ["before"])
    await mine.close()
    for n in range(3):
        await say(theirs, f"meanwhile {n}")
    await sees(theirs, ["before", "meanwhile 0", "meanwhile 1", "meanwhile 2"])
    back = await context.new_page()
    await back.goto(site)
    await expect(back.get_by_test_id(f"room-{room}")).to_be_visible()
    await back.get_by_test_id(f"room-{room}").click()
    await sees(back, ["before", "meanwhile 0", "meanwhile 1", "meanwhile 2"])
    await context.close()
    await other.close()


async def test_a_room_opens_at_the_first_message_that_is_new(browser: Browser, site: str) -> None:
    room, missed = f"new-{token_hex(3)}", 90  # more than come with a room
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Mariya", room)
    guest = await page.request.post(f"{site}/api/accounts/guest", data={"name": f"Ihor-{token_hex(3)}"})
    async with Client([f"{site.replace('http', 'ws', 1)}/ws"], fixed((await guest.json())["token"])) as ihor:
        await ihor.join(room)
        await ihor.chat(room, "seen")
        await sees(page, ["seen"])
        await expect(page.get_by_test_id(f"unread-{room}")).to_have_count(0)
        await page.goto("about:blank")
        for n in range(missed):
            await ihor.chat(room, f"missed {n}")
    await page.goto(site)
    await page.get_by_test_id(f"room-{room}").click()
    await expect(page.get_by_test_id("new-line")).to_be_in_viewport()
    for text in ("seen", "missed 0"):
        await expect(page.get_by_text(text, exact=True)).to_be_in_viewport()
    await expect(page.get_by_text(f"missed {missed - 1}", exact=True)).not_to_be_in_viewport()
    await expect(page.get_by_test_id("to-newest")).to_contain_text("new messages")
    await page.get_by_test_id("to-newest").click()
    await expect(page.get_by_text(f"missed {missed - 1}", exact=True).last).to_be_in_viewport()
    await page.get_by_test_id("mark-read").click()  # what was passed by is not read before somebody says so
    await expect(page.get_by_test_id(f"unread-{room}")).to_have_count(0)
    await context.close()


async def test_the_page_does_nothing_that_its_policy_forbids(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    await context.add_init_script(
        "window.forbidden = []; addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>"
        " forbidden.push(`${violatedDirective} ${blockedURI}`))"
    )
    page = await enter(context, site, "Sam", f"policy-{token_hex(3)}")
    answer = await page.request.get(site)
    assert "unsafe" not in answer.headers["content-security-policy"]
    await say(page, "a picture, a file, `code` and https://example.org")
    files = [
        FilePayload(name="desk.png", mimeType="image/png", buffer=await page.screenshot()),
        FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"notes"),
    ]
    await page.get_by_test_id("file-input").set_input_files(files)
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("file-link").filter(has_text="notes.txt")).to_be_visible()
    await page.get_by_test_id("picture").click()
    await page.keyboard.press("Escape")
    await page.get_by_test_id("toggle-people").click()
    assert await page.evaluate("forbidden") == []
    await page.evaluate("document.body.setAttribute('style', 'color: red')")
    await page.wait_for_function("forbidden.length > 0")  # so what is forbidden would have been seen
    await context.close()


async def test_two_who_write_a_room_s_name_differently_meet(browser: Browser, site: str) -> None:
    room = f"кухня-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    other = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    mine, theirs = await enter(context, site, "Mariya", room.upper()), await enter(other, site, "Ihor", room)
    await expect(mine.get_by_role("heading", level=1)).to_have_text(f"#{room}")
    await say(theirs, "here")
    await sees(mine, ["here"])
    await expect(mine.get_by_test_id(f"room-{room}")).to_be_visible()
    await expect(mine.get_by_test_id(f"room-{room.upper()}")).to_have_count(0)
    await context.close()
    await other.close()
