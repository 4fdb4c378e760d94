"""A tab that nobody sees. Chromium (156) fires the timers of a tab that has been hidden for a while once a minute; what
a person waits for must not wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import httpx
import pytest

from shared.client import Client, Event, PresenceChanged, fixed
from tests.browser.devtools import Tab, devtools
from tests.contract.relay import Relay
from tests.servers.chromium import Chromium

# Throttled a second after it was hidden, not after minutes.
SOON = ["--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1"]
HEARTBEAT_S = 5  # a look at the silence every second or so, which throttling makes one a minute
HIDDEN_S = 135.0  # in which a timer that comes once a minute comes twice
PROMPT_S = 12.0  # far less than a throttled timer takes, and far more than ours
# A chain of seconds, since throttling spares the first timers of a chain.
CHAIN = """(() => {
  window.chain = { latest: 0, from: performance.now() }
  const wait = () => {
    chain.from = performance.now()
    setTimeout(() => { chain.latest = Math.max(chain.latest, performance.now() - chain.from); wait() }, 1000)
  }
  wait()
})()"""
LATENESS_MS = "Math.max(chain.latest, performance.now() - chain.from)"


async def enter(tab: Tab, name: str, room: str) -> None:
    await tab.fill("login-name", name)
    await tab.click("login-submit")
    await tab.fill("room-input", room)
    await tab.click("room-join")
    await tab.until("document.querySelector('[data-testid=composer]') !== null")


async def turns(told: AsyncIterator[Event], me: str, online: bool) -> None:
    """Returns when somebody else than `me` comes online, or goes."""
    async for event in told:
        if isinstance(event, PresenceChanged) and event.online is online and event.user_id != me:
            return


@pytest.fixture
def soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the `site` that is started after it."""
    monkeypatch.setenv("HOMIN_SERVER_PING_S", str(HEARTBEAT_S))


async def test_a_hidden_tab_keeps_its_quiet_connection_and_comes_back_at_once_when_it_is_cut(
    chromium: Chromium, soon_silent: None, site: str, tmp_path: Path
) -> None:
    if chromium.executable is None:
        pytest.fail("This test needs a Chromium of this machine: HOMIN_TEST_CHROMIUM=/path/to/it")
    room, relay = f"hidden-{token_hex(3)}", Relay(site)
    await relay.up()
    async with httpx.AsyncClient(base_url=site, trust_env=False) as http:
        taras = (await http.post("/api/accounts/guest", json={"name": "Taras"})).json()
    me = taras["user"]["id"]
    async with (
        Client([f"{site.replace('http', 'ws', 1)}/ws"], fixed(taras["token"]), name="taras") as client,
        devtools(chromium.executable, tmp_path / "profile", SOON) as browser,
    ):
        told = client.events()
        await client.join(room)
        tab = await browser.open(relay.url)
        await enter(tab, "Lesia", room)
        async with asyncio.timeout(30):
            await turns(told, me, online=True)

        going = asyncio.create_task(turns(told, me, online=False))
        await (await browser.open("about:blank")).show()
        assert await tab.evaluate("document.visibilityState") == "hidden"
        await tab.evaluate(CHAIN)
        await asyncio.wait([going], timeout=HIDDEN_S)
        assert not going.done(), "the page left a connection that was well"
        assert await tab.evaluate(LATENESS_MS) > 5_000, "the tab is not throttled: this proved nothing"

        began = time.monotonic()
        await relay.cut()
        async with asyncio.timeout(90):
            await going
            await turns(told, me, online=True)
        assert time.monotonic() - began < PROMPT_S, "it came back by a timer that was throttled"

        began = time.monotonic()
        await client.chat(room, "are you there?")
        async with asyncio.timeout(90):
            await tab.until("document.title.startsWith('(1) ')")
        assert time.monotonic() - began < PROMPT_S, "it showed the message by a timer that was throttled"
    await relay.down()
