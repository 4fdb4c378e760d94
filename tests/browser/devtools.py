"""Chromium by its own protocol (DevTools), for what Playwright cannot show: it keeps every page visible and focused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

from websockets.asyncio.client import ClientConnection, connect

START_S = 60.0


class Tab:
    """One page of the browser."""

    def __init__(self, browser: DevTools, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    async def evaluate(self, expression: str) -> Any:
        """The expression's value, awaited where it is a promise. Fails where it throws."""
        said = await self._browser.call(
            "Runtime.evaluate", self._session, expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def fill(self, test_id: str, text: str) -> None:
        """Types into a field, as soon as it is there."""
        field = f"document.querySelector('[data-testid={test_id}]')"
        await self.until(f"{field} !== null")
        await self.evaluate(f"{field}.value = {json.dumps(text)}; {field}.dispatchEvent(new Event('input'))")

    async def click(self, test_id: str) -> None:
        await self.evaluate(f"document.querySelector('[data-testid={test_id}]').click()")

    async def until(self, condition: str) -> None:
        """Returns when it holds; looked at whenever the document changes, and so without a timer of the page's."""
        await self.evaluate(
            f"new Promise(done => {{ const look = () => ({condition}) && (seen.disconnect(), done(0));"
            " const seen = new MutationObserver(look);"
            " seen.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });"
            " look() })"
        )

    async def show(self) -> None:
        """Brings it in front of the others of its window."""
        await self._browser.call("Target.activateTarget", targetId=self._target)


class DevTools:
    """`call` asks the browser, or one of its pages by its session."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._ids = count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loading: dict[str, asyncio.Future[None]] = {}

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        id = next(self._ids)
        self._asked[id] = asyncio.get_running_loop().create_future()
        of = {} if session is None else {"sessionId": session}
        await self._line.send(json.dumps({"id": id, "method": method, "params": params, **of}))
        answer = await self._asked[id]
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, url: str) -> Tab:
        """A new tab of the one window, once its page has loaded."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        await self.call("Page.enable", session)
        loaded = self._loading[session] = asyncio.get_running_loop().create_future()
        await self.call("Page.navigate", session, url=url)
        await loaded
        return Tab(self, target, session)

    async def listen(self) -> None:
        async for text in self._line:
            said = json.loads(text)
            if (asked := self._asked.pop(said.get("id", 0), None)) is not None:
                asked.set_result(said)
            elif said.get("method") == "Page.loadEventFired" and not self._loading[said["sessionId"]].done():
                self._loading[said["sessionId"]].set_result(None)


@asynccontextmanager
async def devtools(program: str, folder: Path, switches: Sequence[str] = ()) -> AsyncIterator[DevTools]:
    """A browser of our own with an empty profile in `folder`."""
    command = [
        program, "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
        f"--user-data-dir={folder}", *switches, "about:blank",
    ]  # fmt: skip
    if os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium's sandbox refuses to run as root
    # Read by a thread: helpers of Chromium outlive it and hold the pipe, and asyncio would wait for its end.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        async with asyncio.timeout(START_S):
            address = await asyncio.get_running_loop().run_in_executor(None, _address, process)
        async with connect(address, max_size=None, ping_interval=None) as line:
            browser = DevTools(line)
            listening = asyncio.create_task(browser.listen())
            try:
                yield browser
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)
        assert process.stderr is not None
        process.stderr.close()


def _address(process: subprocess.Popen[bytes]) -> str:
    """Where it listens, as it says itself; what it says after that is thrown away."""
    assert process.stderr is not None
    for said in process.stderr:
        if found := re.search(rb"ws://\S+", said):
            threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
            return found[0].decode()
    raise AssertionError("Chromium ended at once")


def _drain(said: IO[bytes]) -> None:
    with contextlib.suppress(ValueError):  # it is closed at the end
        while said.read1(1 << 16):  # type: ignore[attr-defined]
            pass
