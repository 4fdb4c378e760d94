"""What people see of a proxy before the server that does not pass on what it should."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect

from tests.browser.test_two_windows import DESKTOP

HOST = re.compile(rb"\r\nHost: [^\r]*", re.IGNORECASE)


@asynccontextmanager
async def proxy(site: str, host: str) -> AsyncIterator[str]:
    """A proxy of its own port that writes `host` into every request, as nginx does with its upstream's name unless it
    is told otherwise (`proxy_set_header Host $http_host`)."""
    place = urlsplit(site)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        there, back = await asyncio.open_connection(place.hostname, place.port)
        if b"\r\nUpgrade:" not in head:  # one request on a connection: the next one's Host is to be written, too
            head = head.replace(b"Connection: keep-alive", b"Connection: close")
        back.write(HOST.sub(f"\r\nHost: {host}".encode(), head))
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("locale", "told"),
    [("en-GB", "The server does not take this address for its own"), ("uk-UA", "Сервер не вважає цю адресу своєю")],
)
async def test_a_proxy_that_hides_the_host_is_named_as_the_cause(
    browser: Browser, site: str, locale: str, told: str
) -> None:
    """People were told that the server wants passwords."""
    context = await browser.new_context(viewport=DESKTOP, locale=locale)
    async with proxy(site, "homin") as address:
        page = await context.new_page()
        await page.goto(address)
        await page.get_by_test_id("login-name").fill("Olena")
        await page.get_by_test_id("login-submit").click()
        await expect(page.get_by_test_id("login-problem")).to_contain_text(told)
        await context.close()
