"""A password is changed in one window, and every other window of the same person is signed out."""

from __future__ import annotations

from pathlib import Path
from secrets import token_hex

from playwright.async_api import Browser, Page, expect

from tests.browser.test_two_windows import DESKTOP, PHONE, join, say, sees

OLD, NEW = "кобзар 1840", "хіба ревуть воли"


async def come_in(page: Page, name: str, password: str, *, register: bool = False) -> None:
    """With a password, from the form that is shown."""
    await page.get_by_test_id("login-tab-password").click()
    if register:
        await page.get_by_test_id("login-switch").click()
    await page.get_by_test_id("login-name").fill(name)
    await page.get_by_test_id("login-password").fill(password)
    await page.get_by_test_id("login-submit").click()


async def ask(page: Page, old: str, new: str) -> None:
    await page.get_by_test_id("old-password").fill(old)
    await page.get_by_test_id("new-password").fill(new)
    await page.get_by_test_id("password-submit").click()


async def test_a_changed_password_signs_out_every_other_window(browser: Browser, site: str, screenshots: Path) -> None:
    name, room = f"Олена-{token_hex(3)}", f"кухня-{token_hex(3)}"
    home = await browser.new_context(viewport=DESKTOP, locale="uk-UA", color_scheme="light")
    street = await browser.new_context(viewport=PHONE, locale="en-GB", color_scheme="dark", has_touch=True)
    mine, other = await home.new_page(), await street.new_page()
    await mine.goto(site)
    await come_in(mine, name, "password1", register=True)
    await expect(mine.get_by_test_id("login-problem")).to_contain_text("одним із перших")
    await expect(mine.get_by_test_id("login-password")).to_have_attribute("aria-invalid", "true")
    await expect(mine.get_by_test_id("login-name")).to_have_attribute("aria-invalid", "false")
    await mine.get_by_test_id("login-password").fill(OLD)
    await mine.get_by_test_id("login-submit").click()
    await join(mine, room)
    await other.goto(site)
    await come_in(other, name, OLD)
    await join(other, room)
    await say(mine, "я тут")
    await sees(other, ["я тут"])

    await mine.get_by_test_id("change-password").click()
    await ask(mine, "не той", NEW)
    await expect(mine.get_by_test_id("password-problem")).to_have_text("Це не ваш поточний пароль.")
    await ask(mine, OLD, "Qwerty123!")
    await expect(mine.get_by_test_id("password-problem")).to_contain_text("одним із перших")
    await mine.screenshot(path=screenshots / "password-refused.png")
    await expect(other.get_by_test_id("composer")).to_be_visible()  # nothing has changed so far
    await ask(mine, OLD, NEW)
    await expect(mine.get_by_test_id("password-changed")).to_be_visible()

    await expect(other.get_by_role("status").filter(has_text="You were signed out")).to_be_visible()
    await mine.get_by_test_id("password-done").click()
    await say(mine, "я ще тут")
    await sees(mine, ["я тут", "я ще тут"])
    tab = await home.new_page()  # which comes in by the cookie that came with the change
    await tab.goto(site)
    await tab.get_by_test_id(f"room-{room}").click()
    await sees(tab, ["я тут", "я ще тут"])

    await other.get_by_test_id("login-password").fill(OLD)
    await other.get_by_test_id("login-submit").click()
    await expect(other.get_by_test_id("login-problem")).to_be_visible()
    await other.get_by_test_id("login-password").fill(NEW)
    await other.get_by_test_id("login-submit").click()
    await sees(other, ["я тут", "я ще тут"])
    await home.close()
    await street.close()
