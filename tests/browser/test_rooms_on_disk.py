"""The page keeps rooms in the browser's database: a reload shows them without a server, and goes on from there."""

from __future__ import annotations

import asyncio
import json
from secrets import token_hex

from playwright.async_api import Browser, Page, Route, WebSocketRoute, expect

from tests.browser.test_changes import act, row
from tests.browser.test_two_windows import DESKTOP, enter, join, say, sees

AWAY_CODE = 1011
PATIENCE_S = 10.0

UNTIL = """
async () => {
  const rows = () => new Promise((resolve) => {
    const request = indexedDB.open("homin")
    request.onsuccess = () => {
      const all = request.result.transaction("rooms").objectStore("rooms").getAll()
      all.onsuccess = () => (request.result.close(), resolve(all.result))
    }
  })
  while (!(await rows().then((rows) => %s))) await new Promise((resolve) => setTimeout(resolve, 50))
}
"""

FORMER = """
([user, room]) => new Promise((resolve) => {
  indexedDB.deleteDatabase("homin").onsuccess = () => {
    const request = indexedDB.open("homin", 1)
    request.onupgradeneeded = () => {
      const database = request.result
      database.createObjectStore("drafts", { keyPath: ["user", "room"] }).createIndex("user", "user")
      database.createObjectStore("files", { keyPath: "id" }).createIndex("user", "user")
      database.createObjectStore("contents")
    }
    request.onsuccess = () => {
      const transaction = request.result.transaction("drafts", "readwrite")
      transaction.objectStore("drafts").put({ user, room, text: "half written" })
      transaction.oncomplete = () => (request.result.close(), resolve())
    }
  }
})
"""


class Line:
    """The way to the server, which can be away. The page itself comes all the same, as from a browser's cache."""

    away = False

    async def socket(self, socket: WebSocketRoute) -> None:
        if self.away:
            await socket.close(code=AWAY_CODE, reason="away")
        else:
            socket.connect_to_server()

    async def http(self, route: Route) -> None:
        await (route.abort() if self.away else route.continue_())


async def on_disk(page: Page, condition: str) -> None:
    """Waits until this holds of the `rows` on the disk."""
    async with asyncio.timeout(PATIENCE_S):
        await page.evaluate(UNTIL % condition)


async def kept(page: Page, room: str, seq: int) -> None:
    """The room is on the disk up to this number."""
    await on_disk(page, f"rows.some((row) => row.room === {room!r} && row.seq >= {seq})")


async def test_a_reload_without_a_server_shows_the_room_and_goes_on_from_there(browser: Browser, site: str) -> None:
    room, line = f"disk-{token_hex(3)}", Line()
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    other = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    await context.route_web_socket("**/ws", line.socket)
    await context.route("**/api/**", line.http)
    mine, theirs = await enter(context, site, "Mariya", room), await enter(other, site, "Ihor", room)
    said = ["one", "two", "three"]
    for text in said:
        await say(theirs, text)
    await sees(mine, said)
    await say(mine, "four")
    await kept(mine, room, 4)

    line.away = True
    await mine.reload()
    await sees(mine, [*said, "four"])
    await expect(mine.get_by_test_id(f"room-{room}")).to_be_visible()
    state = mine.get_by_test_id("connection-state")
    await expect(state).to_have_attribute("data-state", "lost")
    await say(mine, "written meanwhile")

    await act(theirs, row(theirs, "two"), "delete")
    await theirs.get_by_test_id("delete-anyway").click()
    for n in range(3):
        await say(theirs, f"meanwhile {n}")
    there = ["one", "three", "four", "meanwhile 0", "meanwhile 1", "meanwhile 2"]
    await sees(theirs, there)

    line.away = False
    await state.get_by_role("button").click()
    await expect(state).to_have_attribute("data-state", "open")
    for page in (mine, theirs):
        await sees(page, [*there, "written meanwhile"])
        await expect(page.get_by_test_id("deleted-message")).to_have_count(1)
    await expect(mine.get_by_test_id("pending-message")).to_have_count(0)

    await kept(mine, room, 9)
    await mine.get_by_test_id("sign-out").click()
    await expect(mine.get_by_test_id("login-name")).to_be_visible()
    await on_disk(mine, "rows.length === 0")
    await context.close()
    await other.close()


async def test_a_room_that_was_kept_opens_at_what_is_new(browser: Browser, site: str) -> None:
    room, missed = f"new-{token_hex(3)}", 60
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    other = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    mine, theirs = await enter(context, site, "Mariya", room), await enter(other, site, "Ihor", room)
    await say(theirs, "seen")
    await sees(mine, ["seen"])
    await kept(mine, room, 1)
    await mine.goto("about:blank")
    for n in range(missed):
        await say(theirs, f"missed {n}")
    await mine.goto(f"{site}/#/{room}")
    await expect(mine.get_by_test_id("new-line")).to_be_in_viewport()
    await expect(mine.get_by_text("missed 0", exact=True)).to_be_in_viewport()
    await expect(mine.get_by_text(f"missed {missed - 1}", exact=True)).not_to_be_in_viewport()
    await context.close()
    await other.close()


async def test_of_who_is_signed_in_no_more_nothing_is_left_on_the_disk(browser: Browser, site: str) -> None:
    room = f"gone-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Ihor", room)
    await say(page, "a secret")
    await kept(page, room, 1)
    await page.close()
    await context.clear_cookies()
    page = await context.new_page()
    await page.goto(site)
    await expect(page.get_by_test_id("login-name")).to_be_visible()
    await on_disk(page, "rows.length === 0")
    await context.close()


async def test_a_database_of_before_keeps_what_is_half_written(browser: Browser, site: str) -> None:
    room = f"draft-{token_hex(3)}"
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Sam", room)
    account = json.loads(await page.evaluate("sessionStorage.getItem('homin.account')"))
    await page.goto(f"{site}/health")
    await page.evaluate(FORMER, [account["user"]["id"], room])
    await page.goto(site)
    await join(page, room)
    await expect(page.get_by_test_id("composer")).to_have_value("half written")
    await page.get_by_test_id("send").click()
    await sees(page, ["half written"])
    await kept(page, room, 1)
    await context.close()
