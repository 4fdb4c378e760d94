"""What only a real browser shows of the page alone: scrolling, drafts, keys, files. The scenes are web/test/look's."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import PIPE, STDOUT

from tests.browser.conftest import ROOT
from tests.servers.chromium import Chromium
from tools.bootstrap import node_environment

PATIENCE_S = 300.0


async def test_the_page_scrolls_keeps_drafts_and_takes_files_as_it_should(chromium: Chromium) -> None:
    environment, _ = node_environment()
    environment["CHROMIUM"] = chromium.executable or chromium.endpoint or ""
    node = shutil.which("node", path=environment["PATH"])
    assert node is not None, "There is no Node: `make test` brings one."
    scenes = await asyncio.create_subprocess_exec(
        node, "test/look/behave.mjs", cwd=ROOT / "web", env=environment, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await scenes.communicate()
    finally:
        if scenes.returncode is None:
            scenes.kill()
    assert scenes.returncode == 0, said.decode()
