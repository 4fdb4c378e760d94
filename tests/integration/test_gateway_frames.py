"""What the gateway makes of frames, good and bad. A bad one is answered, or ends its connection where the protocol
says so; it leaves the next good frame working, costs no other client anything, and gives one line in the log."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.gateway_deployment import Deployment, deployed

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    # Without a limit to the rate, so that one test's frames do not count against the next check.
    async with deployed(tmp_path_factory.mktemp("frames"), frames_per_s=0) as deployment:
        yield deployment


def chat(**changed: Any) -> bytes:
    frame = {"type": "chat", "room": "r", "id": "m-1", "text": "x", "ref": "r-1", **changed}
    return json.dumps({k: v for k, v in frame.items() if v is not None}, ensure_ascii=False).encode()


BAD: dict[str, tuple[bytes, str, str | None]] = {
    "nothing": (b"", "invalid_frame", None),
    "not JSON": (b"{", "invalid_frame", None),
    "a number that never ends": (b"1" * 100_000, "invalid_frame", None),
    "an array": (b"[]", "invalid_frame", None),
    "null": (b"null", "invalid_frame", None),
    "a string": (b'"chat"', "invalid_frame", None),
    "two frames in one": (b'{"type":"ping"}{"type":"ping"}', "invalid_frame", None),
    "no type": (b'{"ref":"r-1"}', "invalid_frame", "r-1"),
    "a type that is unknown": (b'{"type":"dance","ref":"r-1"}', "invalid_frame", "r-1"),
    "a type that is no string": (b'{"type":["chat"],"ref":"r-1"}', "invalid_frame", "r-1"),
    "a type of the other direction": (b'{"type":"message","ref":"r-1"}', "invalid_frame", "r-1"),
    "a field that is unknown": (chat(colour="red"), "invalid_frame", "r-1"),
    "a field that looks internal": (chat(user={"id": "u-witness", "name": "x"}), "invalid_frame", "r-1"),
    "a missing field": (chat(room=None), "invalid_frame", "r-1"),
    "a number for a text": (chat(text=1), "invalid_frame", "r-1"),
    "a text for a number": (b'{"type":"join","room":"r","after":"1","ref":"r-1"}', "invalid_frame", "r-1"),
    "a negative number": (b'{"type":"join","room":"r","after":-1,"ref":"r-1"}', "invalid_frame", "r-1"),
    "a number beyond all numbers": (b'{"type":"read","room":"r","seq":1e400,"ref":"r-1"}', "invalid_frame", "r-1"),
    "NaN": (b'{"type":"read","room":"r","seq":NaN,"ref":"r-1"}', "invalid_frame", "r-1"),
    "both directions": (b'{"type":"history","room":"r","before":9,"after":1,"ref":"r-1"}', "invalid_frame",
    "r-1"), "a page that is too large": (b'{"type":"history","room":"r","limit":201,"ref":"r-1"}', "invalid_frame",
    "r-1"), "an empty text": (chat(text=""), "invalid_frame", "r-1"),
    "a text of spaces": (chat(text=" \u3000\n"), "invalid_frame", "r-1"),
    "a text of one invisible character": (chat(text="\u3164"), "invalid_frame", "r-1"),
    "a text with NUL": (chat(text="a\0b"), "invalid_frame", "r-1"),
    "half of a surrogate pair": (b'{"type":"chat","room":"r","id":"1","text":"\\ud800"}', "invalid_frame", None),
    "a room with a line break": (chat(room="a\nb"), "invalid_frame", "r-1"),
    "a room that ends with a line break": (chat(room="a\n"), "invalid_frame", "r-1"),
    "a room that is a path": (chat(room="../etc"), "invalid_frame", "r-1"),
    "a room that is too long": (chat(room="r" * 65), "invalid_frame", "r-1"),
    "a room that is not composed": (chat(room="e\u0301"), "invalid_frame", "r-1"),
    "a room with a direction mark": (chat(room="a\u202eb"), "invalid_frame", "r-1"),
    "an id with a space": (chat(id="a b"), "invalid_frame", "r-1"),
    "a ref that is too long": (chat(ref="r" * 65), "invalid_frame", "m-1"),
    "a ref that is no text": (chat(ref={"a": 1}), "invalid_frame", "m-1"),
    "a file's name that is no text": (
        b'{"type":"file","room":"r","id":"m-1","name":1,"data":"data:,"}', "invalid_frame", "m-1",
    ),
    "a file without a data URL": (
        b'{"type":"file","room":"r","id":"m-1","name":"x","data":"http://a/"}', "invalid_frame", "m-1",
    ),
    "deep nesting": (b'{"type":' * 50_000 + b"1" + b"}" * 50_000, "invalid_frame", None),
    "deep arrays": (b"[" * 200_000, "invalid_frame", None),
    "a deep unknown field": (b'{"type":"ping","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "invalid_frame",
    None), "a text that is too long": (chat(text="x" * 8_001), "too_large", "r-1"),
    "1 MiB of text": (chat(text="ї" * (1 << 18)), "too_large", "r-1"),
    "a text that is too long, without a ref": (chat(text="x" * 8_001, ref=None), "too_large", "m-1"),
    "many keys": (b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}", "invalid_frame", None),
    "one key many times": (b'{"type":"ping",' + b",".join([b'"ref":"a"'] * 50_000) + b',"x":1}', "invalid_frame", None),
}  # fmt: skip


async def test_who_sends_a_message_of_nothing_is_told_that_it_shows_nothing(home: Deployment) -> None:
    async with home.wire("quiet") as wire:
        await wire.text(chat(text="\u200b"))
        assert (await wire.frame())["text"] == "The field `text` is not valid: it shows nothing."


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_frame_is_refused_and_costs_nobody_anything(home: Deployment, kind: str) -> None:
    data, code, ref = BAD[kind]
    async with home.wire("witness") as witness, home.wire("bad") as bad:
        lines = len(home.log)
        await bad.text(data)
        error = await bad.frame()
        assert (error["type"], error["code"], error["retryable"]) == ("error", code, False)
        assert error.get("ref") == ref
        assert error["text"].endswith((".", "!")), "a sentence for a person"
        assert len(error["text"]) < 300
        await bad.works()
        await witness.works()
        logged = [e for e in home.log[lines:] if e["event"] != "closed"]
        assert [(e["event"], e["code"]) for e in logged] == [("refused", code)]
        assert len(str(logged[0])) < 600


async def test_a_binary_frame_is_refused_and_the_connection_stays(home: Deployment) -> None:
    async with home.wire("bad") as bad:
        await bad.binary(chat())
        assert (await bad.frame())["code"] == "invalid_frame"
        await bad.works()


@pytest.mark.parametrize("data", [b"\xff", b'{"type":"ping","ref":"\xc3"}', b"\xed\xa0\x80", b"\xc0\x80"])
async def test_text_that_is_not_utf_8_ends_the_connection(home: Deployment, data: bytes) -> None:
    async with home.wire("witness") as witness, home.wire("bad") as bad:
        await bad.text(data)
        assert await bad.close() == 1007
        await witness.works()


async def test_a_fragmented_frame_is_put_together(home: Deployment) -> None:
    whole = json.dumps({"type": "ping", "ref": "їжак"}, ensure_ascii=False).encode()
    middle = whole.index("ї".encode()) + 1  # within a character
    async with home.wire("olena") as wire:
        await wire.pieces(whole[:middle], whole[middle:], ping_between=True)
        assert await wire.frame() == {"type": "pong", "ref": "їжак"}
        await wire.pieces(*(whole[i : i + 1] for i in range(len(whole))), b"")
        assert await wire.frame() == {"type": "pong", "ref": "їжак"}


async def test_a_fragmented_frame_has_the_bound_of_a_whole_one(home: Deployment) -> None:
    async with home.wire("olena") as wire:
        await wire.pieces(*[b"x" * (1 << 16)] * 17)
        assert await wire.close() == 1009


async def test_fragments_of_text_that_is_not_utf_8_end_the_connection(home: Deployment) -> None:
    async with home.wire("olena") as wire:
        await wire.pieces(b'{"type":', b"\xff}")
        assert await wire.close() == 1007


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytes([0x81, 0x02]) + b"{}", 1002),  # not masked (RFC 6455, 5.1)
        (bytes([0x83, 0x80, 0, 0, 0, 0]), 1002),  # an opcode without a meaning (5.2)
        (bytes([0xC1, 0x80, 0, 0, 0, 0]), 1002),  # a reserved bit (5.2)
        (bytes([0x80, 0x80, 0, 0, 0, 0]), 1002),  # a continuation of nothing (5.4)
        (bytes([0x89, 0xFE, 0x00, 0x7E, 0, 0, 0, 0]) + bytes(126), 1002),  # a control frame that is too long (5.5)
        (bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8) + bytes(4), 1009),  # a length that is announced only
    ],
)
async def test_a_breach_of_rfc_6455_ends_its_connection_alone(home: Deployment, data: bytes, code: int) -> None:
    async with home.wire("witness") as witness, home.wire("bad") as bad:
        await bad.raw(data)
        assert await bad.close() == code
        await witness.works()


async def test_bytes_after_a_breach_are_not_read(home: Deployment) -> None:
    async with home.wire("bad") as bad:
        await bad.text(b"\xff")
        for _ in range(50):
            await bad.text(chat(room="after", text="not read"))
        assert await bad.close() == 1007
    async with home.client("olena") as olena:
        assert (await olena.join("after"))["seq"] == 0


async def test_the_ref_comes_back_on_every_answer(home: Deployment) -> None:
    async with home.wire("olena") as wire:
        for ref, frame in enumerate(
            [
                {"type": "join", "room": "refs"},
                {"type": "chat", "room": "refs", "id": "m-1", "text": "x"},
                {"type": "chat", "room": "refs", "id": "m-1", "text": "x"},
                {"type": "chat", "room": "refs", "id": "m-1", "text": "other"},
                {"type": "history", "room": "refs"},
                {"type": "rooms"},
                {"type": "ping"},
                {"type": "chat", "room": "nowhere", "id": "m-1", "text": "x"},
                {"type": "history", "room": "nowhere"},
                {"type": "leave", "room": "nowhere"},
                {"type": "leave", "room": "refs"},
                {"type": "chat", "room": "refs", "id": "m-2", "text": "x"},
            ]
        ):
            await wire.send({**frame, "ref": f"r-{ref} \u2028\"'"})
            answer = await wire.of("joined", "message", "history", "rooms", "pong", "left", "error")
            assert answer.get("ref") == f"r-{ref} \u2028\"'", (frame, answer)
            assert next(iter(answer)) == "type"


async def test_an_error_without_a_ref_bears_the_id(home: Deployment) -> None:
    async with home.wire("olena") as wire:
        await wire.text(chat(room="never-joined", ref=None))
        error = await wire.frame()
        assert (error["code"], error["ref"]) == ("no_such_room", "m-1")
