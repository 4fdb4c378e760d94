"""Homin under a path of another server, `https://example.org/chat/`, whose proxy takes that path off."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from playwright.async_api import Browser, FilePayload, Page, expect

from tests.browser.conftest import free_port
from tests.browser.test_two_windows import DESKTOP, enter, say, sees
from tests.servers import caddy

PATIENCE_S = 30.0


@asynccontextmanager
async def under(path: str, site: str, folder: Path) -> AsyncIterator[str]:
    """A Caddy that shows `site` under `path` (handle_path), and nothing anywhere else; the address."""
    port = free_port()
    config = f"""{{
        admin off
        auto_https off
    }}
    http://127.0.0.1:{port} {{
        handle_path {path}/* {{
            reverse_proxy {urlsplit(site).netloc}
        }}
        redir {path} {path}/
        respond 404
    }}"""
    place = folder / "Caddyfile"
    place.write_text(config)
    # The test's own folder for all that Caddy keeps.
    process = await asyncio.create_subprocess_exec(
        caddy.newest(), "run", "--config", str(place), "--adapter", "caddyfile",
        env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while line := await process.stderr.readline():
                if json.loads(line).get("msg") == "serving initial configuration":
                    break
            else:
                raise AssertionError("Caddy ended before it served")
        draining = asyncio.create_task(process.stderr.read())
        yield f"http://127.0.0.1:{port}{path}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
    await draining


def beside(page: Page, address: str) -> list[str]:
    """What the page asks for that is not under `address`."""
    asked: list[str] = []
    place = address.partition("://")[2]

    def note(url: str) -> None:
        if "://" in url and not url.startswith("blob:") and not url.partition("://")[2].startswith(f"{place}/"):
            asked.append(url)

    page.on("request", lambda request: note(request.url))
    page.on("websocket", lambda socket: note(socket.url))
    return asked


async def test_a_page_under_a_path_loads_chats_shows_pictures_and_stays_signed_in(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    async with under("/chat", site, tmp_path) as address:
        context = await browser.new_context(viewport=DESKTOP, locale="en-GB")
        room = f"path-{token_hex(3)}"
        page = await enter(context, f"{address}/", "Olena", room)
        await say(page, "all from one path")
        await sees(page, ["all from one path"])
        await page.get_by_test_id("file-input").set_input_files(
            FilePayload(name="page.png", mimeType="image/png", buffer=await page.screenshot())
        )
        await page.get_by_test_id("send").click()
        picture = page.get_by_test_id("picture").first
        await expect(picture).to_have_js_property("complete", True)
        assert await picture.evaluate("picture => picture.naturalWidth") > 0, "its cookie came back"

        # Another tab goes on as the same person, by the cookie alone.
        other = await context.new_page()
        strays = beside(other, address)
        await other.goto(f"{address}/#/{room}")
        await sees(other, ["all from one path"])
        await expect(other.get_by_test_id("picture").first).to_have_js_property("complete", True)
        assert strays == []
        assert {cookie["path"].split("/api")[0] for cookie in await context.cookies()} == {"/chat"}

        # And signing out takes the cookies away again.
        async with other.expect_response("**/logout"):
            await other.get_by_test_id("sign-out").click()
        assert await context.cookies() == []
        await context.close()
