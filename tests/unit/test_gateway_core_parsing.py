"""What bytes mean to the gateway: a checked frame, or a refusal in words; never anything else, whatever the bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.gateway.core.parsing import Bad, Bounds, parse
from shared.protocol.client import CLIENT_FRAME, Chat, ClientFrame, File, React, answer_ref
from shared.protocol.codec import render
from shared.protocol.errors import ErrorCode
from shared.protocol.server import error

BOUNDS = Bounds(text_chars=8_000, inline_file_bytes=3_000)
TYPES = [
    "auth", "join", "leave", "rooms", "chat", "file", "edit", "delete", "react", "pin", "history", "typing", "read",
    "ping",
]  # fmt: skip
FIELDS = [
    "type", "ref", "room", "id", "text", "name", "data", "token", "after", "before", "limit", "seq", "of", "emoji",
    "on", "reply_to", "x",
]  # fmt: skip

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=4),
    max_leaves=12,
)
frame_likes = st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=8).flatmap(
    lambda fields: st.sampled_from(TYPES).map(lambda kind: {**fields, "type": kind})
)


def outcome(data: bytes) -> ClientFrame | Bad:
    """A frame or a refusal; any other exception comes through and fails the test."""
    try:
        return parse(data, BOUNDS)
    except Bad as bad:
        return bad


def check(data: bytes) -> None:
    match outcome(data):
        case Bad() as bad:
            assert bad.code in (ErrorCode.INVALID_FRAME, ErrorCode.TOO_LARGE)
            assert bad.text
            assert len(bad.text) < 300
            # The answer can be written, and is one line of JSON that a client can read.
            answer = json.loads(render(error(bad.code, bad.text, bad.ref)))
            assert answer.get("ref") == bad.ref
        case frame:
            # What passed is forwarded as it came, so the router must read the same in it.
            assert CLIENT_FRAME.validate_json(data) == frame
            assert "\0" not in getattr(frame, "text", "")


@given(st.binary(max_size=300))
@example(b"")
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf{}")
@example(b'{"type":"ping"}\x00')
def test_garbage_gives_a_refusal_and_nothing_else(data: bytes) -> None:
    check(data)


@given(st.text(st.characters(), max_size=300))
def test_text_gives_a_refusal_and_nothing_else(text: str) -> None:
    check(text.encode("utf-8", "surrogatepass"))


@given(json_values)
def test_json_gives_a_refusal_and_nothing_else(value: Any) -> None:
    check(json.dumps(value).encode())


@given(frame_likes)
def test_what_looks_like_a_frame_is_one_or_is_refused(fields: dict[str, Any]) -> None:
    check(json.dumps(fields).encode())


@given(frame_likes, st.data())
def test_a_frame_with_a_byte_changed_is_one_or_is_refused(fields: dict[str, Any], data: st.DataObject) -> None:
    raw = bytearray(json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(raw))


@given(st.sampled_from([b"[", b'{"a":', b'{"type":', b'{"type":"ping","ref":[']), st.integers(1, 200_000))
def test_deep_nesting_is_refused(opening: bytes, depth: int) -> None:
    check(opening * min(depth, (1 << 20) // len(opening)))


@pytest.mark.parametrize(
    "text", ["x" * 8_001, "ї" * 500_000, "\U0001f9d1" * 200_000, "\\ud83d\\ude00" * 80_000, "e\u0301" * 300_000]
)
def test_a_text_beyond_the_bound_is_too_large_however_it_is_written(text: str) -> None:
    bad = outcome(b'{"type":"chat","room":"r","id":"m-1","text":"%b"}' % text.encode())
    assert isinstance(bad, Bad)
    assert (bad.code, bad.ref) == (ErrorCode.TOO_LARGE, "m-1")


@pytest.mark.parametrize(
    ("characters", "code"), [(8_000, None), (8_001, ErrorCode.TOO_LARGE), (0, ErrorCode.INVALID_FRAME)]
)
def test_the_text_of_an_edit_has_the_bound_of_a_chat(characters: int, code: ErrorCode | None) -> None:
    frame = outcome(json.dumps({"type": "edit", "room": "r", "id": "m-1", "of": 1, "text": "ї" * characters}).encode())
    assert (frame.code if isinstance(frame, Bad) else None) == code
    assert not isinstance(frame, Bad) or frame.ref == "m-1"


def react(**changed: object) -> ClientFrame | Bad:
    frame = {"type": "react", "room": "r", "id": "m-1", "of": 1, "emoji": "👍", "on": True, **changed}
    return outcome(json.dumps(frame).encode())


@pytest.mark.parametrize(
    "emoji",
    ["yes", "ok👍", "👍👍", "👍 ", "", "1", "#", "a\ufe0f", "\ufe0f", "\u200d", "🏽", "🇺", "❤️" * 30, "<b>", ":+1:"],
)
def test_a_reaction_that_is_no_emoji_is_told_so(emoji: str) -> None:
    bad = react(emoji=emoji)
    assert isinstance(bad, Bad)
    assert (bad.code, bad.ref) == (ErrorCode.INVALID_FRAME, "m-1")
    assert bad.text == "The field `emoji` must be one emoji."


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("❤️", "❤"), ("❤", "❤"), ("❤\ufe0e", "❤"), ("1️⃣", "1⃣"), ("1⃣", "1⃣"), ("🏳️‍🌈", "🏳‍🌈"), ("🏳‍🌈", "🏳‍🌈"),
        ("👍", "👍"), ("👍🏽", "👍🏽"), ("🇺🇦", "🇺🇦"), ("👨‍👩‍👧", "👨‍👩‍👧"), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
    ],
)  # fmt: skip
def test_one_emoji_is_one_however_it_is_written(written: str, read: str) -> None:
    frame = react(emoji=written)
    assert isinstance(frame, React)
    assert frame.emoji == read


@pytest.mark.parametrize("kind", ["edit", "delete", "react", "pin"])
@pytest.mark.parametrize("of", [-1, 2**53, 1.5, "1", True, None])
def test_a_change_names_a_message_by_its_number(kind: str, of: object) -> None:
    more: dict[str, dict[str, object]] = {
        "edit": {"text": "t"},
        "react": {"emoji": "👍", "on": True},
        "pin": {"on": False},
    }
    frame = {"type": kind, "room": "r", "id": "m-1", **more.get(kind, {})}
    assert not isinstance(outcome(json.dumps({**frame, "of": 1}).encode()), Bad)
    bad = outcome(json.dumps({**frame, "of": of}).encode())
    assert isinstance(bad, Bad)
    assert (bad.code, bad.ref) == (ErrorCode.INVALID_FRAME, "m-1")
    assert "`of`" in bad.text


@pytest.mark.parametrize("text", ["x" * 8_000, "\U0001f9d1" * 8_000, "\\ud83d\\ude00" * 8_000, "e\u0301" * 4_000])
def test_the_bound_counts_characters_not_bytes(text: str) -> None:
    frame = outcome(b'{"type":"chat","room":"r","id":"m-1","text":"%b"}' % text.encode())
    assert isinstance(frame, Chat)
    assert len(frame.text) == 8_000


@pytest.mark.parametrize("surrogate", ["\\ud800", "\\udfff", "\\ud800x", "\\ude00\\ud83d", "\\uD800\\u0041"])
def test_half_a_surrogate_pair_is_refused(surrogate: str) -> None:
    # It has no UTF-8, so nothing behind the gateway could store or send it.
    for field in ("text", "id", "ref", "room"):
        frame = {"type": "chat", "room": "r", "id": "m-1", "text": "x", field: "@"}
        assert isinstance(outcome(json.dumps(frame).replace("@", surrogate).encode()), Bad)


@given(st.integers(0, 6_000))
def test_an_inline_file_is_bounded_by_its_bytes_before_base64(size: int) -> None:
    data = "data:image/png;base64," + "A" * (-(-size // 3) * 4)
    frame = outcome(json.dumps({"type": "file", "room": "r", "id": "m-1", "name": "x", "data": data}).encode())
    if size <= BOUNDS.inline_file_bytes:
        assert isinstance(frame, File)
    elif size > BOUNDS.inline_file_bytes + 400:  # the type in front has some room
        assert isinstance(frame, Bad)
        assert frame.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("data", "ref"),
    [
        (b'{"type":"x","ref":"r","id":"i"}', "r"),
        (b'{"type":"x","id":"i"}', "i"),
        (b'{"type":"x","ref":1,"id":"i"}', "i"),
        (b'{"type":"x","ref":"' + b"r" * 65 + b'"}', None),
        (b'{"type":"x"}', None),
        (b'{"type":"x","ref":"r"', None),
        (b'["ref"]', None),
        (b'{"type":"x","ref":"r","pad":"' + b"x" * 20_000 + b'"}', None),  # not looked for in what is large
    ],
)
def test_a_refusal_bears_the_ref_else_the_id_of_a_frame_that_is_not_valid(data: bytes, ref: str | None) -> None:
    bad = outcome(data)
    assert isinstance(bad, Bad)
    assert bad.ref == ref


def test_an_answer_bears_the_ref_else_the_id() -> None:
    for fields, expected in (({"ref": "r"}, "r"), ({}, "m-1")):
        frame = outcome(json.dumps({"type": "chat", "room": "r", "id": "m-1", "text": "x", **fields}).encode())
        assert not isinstance(frame, Bad)
        assert answer_ref(frame) == expected


@given(st.sampled_from(["r", "", "a b", "a\n", "a\u200bb", "a/b", "є", "e\u0301", "a" * 65, "\u202e", "😀", "٣"]))
def test_a_room_that_passes_has_only_letters_digits_and_three_signs(room: str) -> None:
    frame = outcome(json.dumps({"type": "join", "room": room}).encode())
    assert isinstance(frame, Bad) == (room not in ("r", "є", "٣"))


@pytest.mark.parametrize("kind", ["auth", "chat", "file"])
def test_a_refusal_does_not_repeat_what_may_be_secret(kind: str) -> None:
    data = json.dumps({"type": kind, "token": "s3cret", "text": "s3cret", "data": "s3cret", "id": 1, "room": "r"})
    bad = outcome(data.encode())
    assert isinstance(bad, Bad)
    assert "s3cret" not in bad.text
