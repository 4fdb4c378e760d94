"""What only a real browser shows of the page alone: scrolling, drafts, files, keys, the way back, what axe finds. The
scenes are web/test/look's."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import PIPE, STDOUT

from tests.browser.conftest import ROOT
from tests.servers.chromium import Chromium
from tools.bootstrap import node_environment

PATIENCE_S = 540.0


async def test_the_page_scrolls_keeps_drafts_and_takes_files_as_it_should(chromium: Chromium) -> None:
    await played("behave.mjs", chromium)


async def test_keys_and_the_way_back_do_what_a_person_means_by_them(chromium: Chromium) -> None:
    await played("ways.mjs", chromium)


async def test_axe_finds_nothing_in_any_state(chromium: Chromium) -> None:
    await played("axe.mjs", chromium)


async def played(scenes: str, chromium: Chromium) -> None:
    """Plays the scenes of web/test/look/`scenes`, which end with an error where something is not so."""
    environment, _ = node_environment()
    environment["CHROMIUM"] = chromium.executable or chromium.endpoint or ""
    node = shutil.which("node", path=environment["PATH"])
    assert node is not None, "There is no Node: `make test` brings one."
    process = await asyncio.create_subprocess_exec(
        node, f"test/look/{scenes}", cwd=ROOT / "web", env=environment, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()
