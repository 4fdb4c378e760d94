"""Pictures in a real browser: each tab sees its own account's, and one that did not come the first time comes later."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from secrets import token_hex

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, Route, ViewportSize, expect

from tests.browser.test_two_windows import DESKTOP, enter, join, say, sees
from tests.unit.files.pictures import written
from tests.unit.files.samples import PNG

PHOTO = FilePayload(name="photo.png", mimeType="image/png", buffer=PNG)
NARROW = ViewportSize(width=800, height=700)


async def sign_in(page: Page, name: str) -> None:
    await page.get_by_test_id("login-name").fill(name)
    await page.get_by_test_id("login-submit").click()


async def send_picture(page: Page, picture: FilePayload = PHOTO) -> Locator:
    await page.get_by_test_id("file-input").set_input_files(picture)
    await page.get_by_test_id("send").click()
    return page.get_by_test_id("picture")


async def is_shown(picture: Locator) -> None:
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("naturalWidth", 1)


async def test_two_accounts_in_two_tabs_each_see_their_own_pictures(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=NARROW, locale="en-GB")
    olena, taras = await context.new_page(), await context.new_page()
    for page in (olena, taras):  # both before either signs in, or the second would be let in as the first
        await page.goto(site)
        await expect(page.get_by_test_id("login-name")).to_be_visible()
    room = f"olenas-{token_hex(3)}"
    await sign_in(olena, "Olena")
    await join(olena, room)
    await sign_in(taras, "Taras")
    await join(taras, f"tarass-{token_hex(3)}")

    await is_shown(await send_picture(olena))
    await is_shown(await send_picture(taras))
    # The address bears no secret, and whoever is given it sees the file as himself: here as Taras, who may not.
    address = await olena.get_by_test_id("picture").get_attribute("src")
    bare = f"{site}/api/files/{(address or '').rpartition('/')[2]}"
    assert [cookie["name"] for cookie in await context.cookies(bare)] == ["homin_token"]
    assert (await context.request.get(bare)).status == 404
    assert len(await context.cookies(f"{site}{address}")) == 2, "however many accounts, two cookies go with a request"

    # Signing out in one tab leaves the other its pictures.
    await taras.get_by_test_id("sign-out").click()
    await expect(taras.get_by_test_id("login-name")).to_be_visible()
    await olena.reload()
    await olena.get_by_test_id(f"room-{room}").click()
    await is_shown(olena.get_by_test_id("picture"))
    await context.close()


async def test_a_tab_whose_token_ran_out_goes_on_though_another_signed_in_since(browser: Browser, site: str) -> None:
    """A laptop that slept for hours; while it was away nothing else happened than that the other tab signed in."""
    context = await browser.new_context(viewport=NARROW, locale="en-GB")
    olena, taras = await context.new_page(), await context.new_page()
    for page in (olena, taras):
        await page.goto(site)
        await expect(page.get_by_test_id("login-name")).to_be_visible()
    room = f"slept-{token_hex(3)}"
    await sign_in(olena, "Olena")
    await join(olena, room)
    await sign_in(taras, "Taras")
    await join(taras, room)
    await olena.evaluate(
        """() => {
            const account = JSON.parse(sessionStorage.getItem("homin.account"))
            sessionStorage.setItem("homin.account", JSON.stringify({ ...account, token: "gone", expiresAt: 0 }))
        }"""
    )
    await olena.reload()
    await olena.get_by_test_id(f"room-{room}").click()
    await say(olena, "still me")
    await expect(taras.get_by_test_id("message-author").last).to_have_text("Olena")
    # And the other has lost nothing by it.
    await taras.reload()
    await taras.get_by_test_id(f"room-{room}").click()
    await sees(taras, ["still me"])
    await say(taras, "and me")
    await sees(olena, ["still me", "and me"])
    await context.close()


@pytest.mark.parametrize(
    ("content", "place", "natural"),
    [
        (written("PNG", size=(32, 32)), (32, 32), (32, 32)),
        (written("JPEG", size=(600, 400), orientation=6), (320 * 400 / 600, 320), (400, 600)),
        (written("WEBP", size=(1_800, 300)), (360, 60), (1_800, 300)),
        (written("AVIF", size=(390, 844)), (320 * 390 / 844, 320), (390, 844)),
    ],
    ids=["an icon", "a phone's photo", "a panorama", "a tall screenshot"],
)
async def test_a_picture_takes_its_place_before_it_comes_and_moves_nothing(
    browser: Browser, site: str, content: bytes, place: tuple[float, float], natural: tuple[int, int]
) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Mariya", f"shape-{token_hex(3)}")
    asked, may_come = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await may_come.wait()
        await route.continue_()

    await page.route("**/api/files/**", hold)
    picture = await send_picture(page, FilePayload(name="picture", mimeType="", buffer=content))
    await say(page, "below it")
    await sees(page, ["below it"])
    await asked.wait()
    box, below = picture.locator("xpath=.."), page.get_by_test_id("message-text")
    before, line = await box.bounding_box(), await below.bounding_box()
    assert before is not None
    assert (before["width"], before["height"]) == pytest.approx(place, abs=0.1)
    may_come.set()
    await expect(picture).to_have_js_property("complete", True)
    await expect(picture).to_have_js_property("naturalWidth", natural[0])
    await expect(picture).to_have_js_property("naturalHeight", natural[1])
    assert await box.bounding_box() == before
    assert await below.bounding_box() == line
    await context.close()


async def test_a_picture_whose_first_request_was_cut_comes_by_itself(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Mariya", f"cut-{token_hex(3)}")
    cut: list[str] = []

    async def cut_at_first(route: Route) -> None:
        if not cut:
            cut.append(route.request.url)
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await page.route("**/api/files/**", cut_at_first)
    await is_shown(await send_picture(page))
    assert cut
    await context.close()


async def test_a_picture_that_still_does_not_come_comes_at_a_press(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    # So that nothing is tried again by itself as long as the test looks.
    await context.add_init_script("Math.random = () => 0.999999")
    page = await enter(context, site, "Mariya", f"press-{token_hex(3)}")
    broken, asked = True, 0

    async def refuse(route: Route) -> None:
        nonlocal asked
        asked += 1
        await (route.fulfill(status=503) if broken else route.continue_())

    await page.route("**/api/files/**", refuse)
    await send_picture(page)
    again = page.get_by_test_id("picture-again")
    await expect(again).to_be_visible()
    broken = False
    await again.click()
    await is_shown(page.get_by_test_id("picture"))
    await context.close()


async def test_a_picture_that_waits_comes_when_the_network_is_back(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    await context.add_init_script("Math.random = () => 0.999999")
    page = await enter(context, site, "Mariya", f"back-{token_hex(3)}")
    broken = True

    async def refuse(route: Route) -> None:
        await (route.abort("internetdisconnected") if broken else route.continue_())

    await page.route("**/api/files/**", refuse)
    await send_picture(page)
    await expect(page.get_by_test_id("picture-again")).to_be_visible()
    broken = False
    await page.evaluate("dispatchEvent(new Event('online'))")
    await is_shown(page.get_by_test_id("picture"))
    await context.close()


async def test_what_calls_itself_a_picture_and_is_none_ends_as_a_file(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    page = await enter(context, site, "Mariya", f"none-{token_hex(3)}")
    torn = FilePayload(name="torn.png", mimeType="image/png", buffer=PNG[:40])
    await page.get_by_test_id("file-input").set_input_files(torn)
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("file-link")).to_contain_text("cannot be shown")
    await expect(page.get_by_test_id("picture")).to_have_count(0)
    await context.close()


async def test_a_name_of_any_kind_comes_up_and_down_whole(browser: Browser, site: str) -> None:
    """As Chromium 156 writes names into a form and saves them: on the disk it puts `_` for joiners, backslashes and
    quotation marks, however the server spells the name."""
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB", accept_downloads=True)
    page = await enter(context, site, "Mariya", f"names-{token_hex(3)}")
    names = {
        "نامه\u200cها.txt": ("نامه\u200cها.txt", "نامه_ها.txt"),
        "👨\u200d👩\u200d👧.txt": ("👨\u200d👩\u200d👧.txt", "👨_👩_👧.txt"),
        "\U0001faea.txt": ("\U0001faea.txt",) * 2,
        "back\\slash.txt": ("back\\slash.txt", "back_slash.txt"),
        'say "hi".txt': ('say "hi".txt', "say _hi_.txt"),
        "photo\u202egpj.txt": ("photogpj.txt",) * 2,
        "two\r\nlines.txt": ("two lines.txt",) * 2,
        "trailing.txt ": ("trailing.txt",) * 2,
    }
    for sent, (shown, saved) in names.items():
        # The browser's own input cannot be given such names by a test; a File with one can be dropped on the page.
        await page.evaluate(
            """([name, content]) => {
                const picker = document.querySelector('[data-testid="file-input"]')
                const held = new DataTransfer()
                held.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name))
                picker.files = held.files
                picker.dispatchEvent(new Event("change", { bubbles: true }))
            }""",
            [sent, b64encode(sent.encode()).decode()],
        )
        await page.get_by_test_id("send").click()
        link = page.get_by_test_id("file-link").last
        await expect(link).to_contain_text(shown)
        async with page.expect_download() as downloading:
            await link.click()
        assert (await downloading.value).suggested_filename == saved, ascii(sent)
    await context.close()
