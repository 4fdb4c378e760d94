"""What was saved comes back into an installation that has lost everything, and clients learn that it was restored."""

from __future__ import annotations

import shutil
from pathlib import Path
from secrets import token_bytes, token_hex

import pytest

from shared.client import Client, fixed
from tests.stack.stack import Stack
from tests.stack.test_stack_chat import bearer

PASSWORD = "correct horse battery"


async def test_a_backup_brings_back_every_message_file_and_account(stack: Stack, tmp_path: Path) -> None:
    room, name = f"archive-{token_hex(3)}", f"olena-{token_hex(3)}"
    data = token_bytes(3 << 20)
    async with stack.http() as http:
        registered = await http.post("/api/accounts/register", json={"name": name, "password": PASSWORD})
        token = registered.json()["token"]
        async with Client([stack.ws], fixed(token)) as client:
            epoch = (await client.connected())["epoch"]
            await client.join(room)
            for number in range(300):
                await client.chat(room, f"line {number}")
            sent = await http.post(f"/api/files?room={room}", files={"file": ("kept.bin", data)}, headers=bearer(token))
            url = sent.json()["file"]["url"]
            await client.caught_up(room, 301)
            saved = (await stack.run("make", "--silent", "backup")).splitlines()[-1]
            # Written after the backup, so it is not in it.
            await client.chat(room, "too late")
    # `backups/` is for an operator's own; this one is the test's.
    kept = Path(shutil.move(saved, tmp_path / "backup"))

    await stack.compose("down", "--volumes")
    await stack.compose("up", "--detach", "--wait")
    async with stack.http() as http:
        assert (await http.post("/api/accounts/login", json={"name": name, "password": PASSWORD})).status_code == 401
        await stack.run("make", "restore", f"FROM={kept}")
        again = await http.post("/api/accounts/login", json={"name": name, "password": PASSWORD})
        assert again.status_code == 200, again.text
        # A token from before is good as well: the key that signed it came back.
        async with Client([stack.ws], fixed(token)) as client:
            assert (await client.connected())["epoch"] not in ("", epoch)
            await client.join(room, after=0)
            await client.caught_up(room, 301)
            messages = (await client.history(room, after=0, limit=200)).messages
            messages += (await client.history(room, after=200, limit=200)).messages
            assert [m.seq for m in messages] == list(range(1, 302))
            assert [m.text for m in messages[:300]] == [f"line {number}" for number in range(300)]
            assert (await http.get(url, headers=bearer(token))).content == data
            # And it goes on from there.
            assert (await client.chat(room, "after all")).seq == 302


async def test_a_broken_backup_leaves_everything_as_it_was(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "database.dump").write_bytes(b"PGDMP this is no backup")
    token = await stack.guest(f"witness-{token_hex(3)}")
    await stack.run("make", "restore", f"FROM={tmp_path}", fails=True)
    await stack.compose("up", "--detach", "--wait")
    async with Client([stack.ws], fixed(token)) as client:
        await client.join(f"still-here-{token_hex(3)}")


@pytest.mark.parametrize("given", ["", "FROM=/nowhere"])
async def test_a_restore_of_nothing_is_refused(stack: Stack, given: str) -> None:
    assert "a folder that deploy/backup has made" in await stack.run("make", "restore", *given.split(), fails=True)
