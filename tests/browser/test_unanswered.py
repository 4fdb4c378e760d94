"""A page that opens while nobody answers: who is signed in stays so."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

import pytest
from playwright.async_api import Browser, Route, ViewportSize, WebSocketRoute, expect

from shared.protocol.errors import CloseCode
from tests.browser.test_two_windows import DESKTOP, PHONE, enter, say, sees

RENEWALS = "**/api/accounts/refresh"


async def silence(route: Route) -> None:
    await route.abort()


@pytest.mark.parametrize(
    ("size", "locale", "scheme"), [(DESKTOP, "en-GB", "light"), (PHONE, "uk-UA", "dark")], ids=["desktop", "phone"]
)
async def test_a_server_that_does_not_answer_signs_nobody_out(
    browser: Browser, site: str, screenshots: Path, size: ViewportSize, locale: str, scheme: str
) -> None:
    context = await browser.new_context(viewport=size, locale=locale, color_scheme=scheme)  # type: ignore[arg-type]
    first = await enter(context, site, "Mariya", f"away-{token_hex(3)}")
    await first.close()
    await context.route(RENEWALS, silence)
    page = await context.new_page()  # another tab: what tells who is signed in is the cookie alone
    await page.goto(site)
    await expect(page.get_by_test_id("unanswered")).to_be_visible()
    await expect(page.get_by_test_id("login-name")).to_have_count(0)
    await page.screenshot(path=screenshots / f"unanswered-{size['width']}-{scheme}.png")

    await context.unroute(RENEWALS)
    await page.get_by_role("button").click()
    await expect(page.get_by_test_id("room-input").or_(page.get_by_test_id("open-rooms")).first).to_be_visible()
    await context.close()


async def test_a_refused_renewal_shows_the_way_in(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    first = await enter(context, site, "Ihor", f"out-{token_hex(3)}")
    await first.close()
    await context.clear_cookies()
    page = await context.new_page()
    await page.goto(site)
    await expect(page.get_by_test_id("login-name")).to_be_visible()
    await context.close()


async def test_a_token_that_expires_while_nobody_answers_signs_nobody_out(browser: Browser, site: str) -> None:
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
    await context.route_web_socket("**/ws", through)
    page = await enter(context, site, "Stefa", f"late-{token_hex(3)}")
    state = page.get_by_test_id("connection-state")
    await expect(state).to_have_attribute("data-state", "open")  # a server that has just begun may ask to come again
    await context.route(RENEWALS, silence)
    await sockets[-1].close(code=CloseCode.TOKEN_EXPIRED, reason="The token has expired.")
    await expect(state).to_have_attribute("data-state", "lost")
    await say(page, "written meanwhile")
    await expect(page.get_by_test_id("login-name")).to_have_count(0)

    await context.unroute(RENEWALS)
    await state.get_by_role("button").click()
    await expect(state).to_have_attribute("data-state", "open")
    await sees(page, ["written meanwhile"])
    await expect(page.get_by_test_id("pending-message")).to_have_count(0)

    await sockets[-1].close(code=CloseCode.SIGNED_OUT, reason="You have signed out.")
    await expect(page.get_by_test_id("login-name")).to_be_visible()
    await context.close()
