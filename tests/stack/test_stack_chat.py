"""Through Caddy only, as a user would: chat across gateways, files, resume, the page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from secrets import token_bytes, token_hex
from urllib.parse import urljoin

from shared.client import Client, fixed
from shared.runtime.headers import DEFAULTS
from tests.stack.stack import PATIENCE_S, Stack, eventually


@asynccontextmanager
async def people(stack: Stack, count: int) -> AsyncIterator[list[Client]]:
    """Connected, each a guest of its own."""
    async with AsyncExitStack() as open_ones, asyncio.timeout(3 * PATIENCE_S):
        clients = []
        for number in range(count):
            token = fixed(await stack.guest(f"guest-{number}-{token_hex(2)}"))
            clients.append(await open_ones.enter_async_context(Client([stack.ws], token, name=f"guest-{number}")))
        yield clients


async def test_people_on_different_gateways_chat(stack: Stack) -> None:
    room = f"kitchen-{token_hex(3)}"
    async with people(stack, 6) as clients:
        assert sorted((await stack.connections()).values()) == [3, 3]
        for client in clients:
            await client.join(room)
        said = [await client.chat(room, f"from {client.name}") for client in clients]
        assert [message.seq for message in said] == [1, 2, 3, 4, 5, 6]
        for client in clients:
            await client.caught_up(room, 6)


async def test_a_new_connection_goes_where_the_fewest_are(stack: Stack) -> None:
    async with people(stack, 20):
        assert sorted((await stack.connections()).values()) == [10, 10]

    async def all_gone() -> bool:
        return sum((await stack.connections()).values()) == 0

    await eventually(all_gone, "those who have left are counted no more")


async def test_who_was_away_misses_nothing(stack: Stack) -> None:
    room = f"long-{token_hex(3)}"
    async with people(stack, 2) as (olena, taras):
        await olena.join(room)
        await taras.join(room)
        await olena.chat(room, "before")
        await taras.caught_up(room, 1)
        taras.cut()
        # More than one page of what a join answers with.
        for number in range(250):
            await olena.chat(room, f"while away {number}")
        await taras.caught_up(room, 251)
        seen = [message.text for message in (await taras.history(room, after=1, limit=200)).messages]
        assert seen == [f"while away {number}" for number in range(200)]


async def test_a_file_goes_up_and_comes_down_for_members_only(stack: Stack) -> None:
    room, data = f"files-{token_hex(3)}", token_bytes(20 << 20)
    member, stranger = await stack.guest("member"), await stack.guest("stranger")
    async with stack.http() as http, Client([stack.ws], fixed(member)) as client:
        await client.join(room)
        sent = await http.post(f"/api/files?room={room}", files={"file": ("big.bin", data)}, headers=bearer(member))
        assert sent.status_code == 201, sent.text
        await client.caught_up(room, 1)
        (message,) = (await client.history(room)).messages
        assert message.file is not None
        assert (message.file["name"], message.file["size"]) == ("big.bin", len(data))
        url = message.file["url"]
        whole = await http.get(url, headers=bearer(member))
        assert sha256(whole.content).digest() == sha256(data).digest()
        assert whole.headers["content-security-policy"] != DEFAULTS["Content-Security-Policy"]
        part = await http.get(url, headers={**bearer(member), "Range": "bytes=1000000-1000099"})
        assert (part.status_code, part.content) == (206, data[1_000_000:1_000_100])
        assert (await http.get(url, headers=bearer(stranger))).status_code in (403, 404)
        assert (await http.get(url)).status_code == 401


async def test_the_page_comes_as_safely_as_from_one_process(stack: Stack) -> None:
    async with stack.http() as http:
        page = await http.get("/")
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-cache"
        assert DEFAULTS.items() <= {name: page.headers.get(name.lower()) for name in DEFAULTS}.items()
        assert "server" not in page.headers
        (script,) = re.findall(r'src="([^"]*assets/[^"]+\.js)"', page.text)
        asset = await http.get(urljoin("/", script))
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["content-encoding"] == "gzip"
        missing = await http.get("/assets/nothing.js")
        assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-store")
        assert missing.headers["x-content-type-options"] == "nosniff"


async def test_health_is_for_everyone_and_numbers_are_not(stack: Stack) -> None:
    async with stack.http() as http:
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).json() == {"status": "ok", "troubles": {}}
        assert (await http.get("/metrics")).status_code == 404
        assert (await http.get("/api/nothing")).status_code == 404


async def test_an_address_that_signs_in_too_often_slows_down_itself_only(stack: Stack) -> None:
    """Another container knocks as often as the limit and more, each time with another forged address."""
    flood = (
        "import http.client, json\n"
        "statuses = set()\n"
        "for n in range(260):\n"
        "    c = http.client.HTTPConnection('web', 8080)\n"
        "    c.request('POST', '/api/accounts/guest', json.dumps({'name': f'n{n}'}),\n"
        "              {'Content-Type': 'application/json', 'X-Forwarded-For': f'203.0.113.{n % 250}'})\n"
        "    statuses.add(c.getresponse().status)\n"
        "print(sorted(statuses))\n"
    )
    (files,) = await stack.containers("files")
    assert (await stack.run("docker", "exec", files, "python", "-c", flood)).strip() == "[201, 429]"
    await stack.guest("from-elsewhere")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
