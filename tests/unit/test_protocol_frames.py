"""docs/protocol.md's tables, row by row: what parses, what is refused, how it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.protocol import bus, client
from shared.protocol.client import CLIENT_FRAME
from shared.protocol.codec import pack, render
from shared.protocol.errors import RETRYABLE, CloseCode, ErrorCode
from shared.protocol.server import SERVER_FRAME, error

BUS_MESSAGE: TypeAdapter[bus.BusMessage] = TypeAdapter(bus.BusMessage)
UUID = "0b9f2f60-4a39-4d2c-8c6b-8f6f0f3a5f11"
CLIENT_FRAMES: list[dict[str, Any]] = [
    {"type": "auth", "token": "a.b.c"},
    {"type": "join", "room": "general"},
    {"type": "join", "room": "кімната-1_a.b", "after": 0},
    {"type": "resume", "rooms": [{"room": "general", "after": 0}, {"room": "кімната", "after": 7}]},
    {"type": "leave", "room": "general"},
    {"type": "rooms"},
    {"type": "chat", "room": "general", "id": UUID, "text": "hi"},
    {"type": "file", "room": "general", "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "name": "a", "data": "data:;base64,AA"},
    {"type": "chat", "room": "general", "id": UUID, "text": "hi", "reply_to": 3},
    {"type": "edit", "room": "general", "id": UUID, "of": 3, "text": "hi"},
    {"type": "delete", "room": "general", "id": UUID, "of": 3},
    {"type": "react", "room": "general", "id": UUID, "of": 3, "emoji": "👍🏽", "on": True},
    {"type": "pin", "room": "general", "id": UUID, "of": 3, "on": False},
    {"type": "history", "room": "general"},
    {"type": "history", "room": "general", "before": 51, "limit": 200},
    {"type": "history", "room": "general", "after": 51, "limit": 1},
    {"type": "typing", "room": "general"},
    {"type": "read", "room": "general", "seq": 0},
    {"type": "ping"},
    {"type": "join", "room": "~me.0123"},
    {"type": "create", "id": UUID, "title": "Бюджет"},
    {"type": "create", "id": UUID, "title": "Budget", "topic": "of next year", "users": ["u2", "u3"]},
    {"type": "direct", "id": UUID, "users": ["u2"]},
    {"type": "invite", "room": "~0123", "id": UUID, "user": "u2"},
    {"type": "remove", "room": "~0123", "id": UUID, "user": "u2"},
    {"type": "role", "room": "~0123", "id": UUID, "user": "u2", "role": "moderator"},
    {"type": "settings", "room": "~0123", "id": UUID, "archived": True},
    {"type": "people", "q": "о"},
    {"type": "chat", "room": "general", "id": UUID, "text": "hi", "thread": 3, "mentions": ["u1", "u2"]},
    {"type": "edit", "room": "general", "id": UUID, "of": 3, "text": "hi", "mentions": ["u1"]},
    {"type": "history", "room": "general", "thread": 3},
    {"type": "notify", "room": "~0123", "level": "mentions"},
]  # fmt: skip
ANNA = {"id": "u1", "name": "Anna"}
WHO_WHEN = {"from": ANNA, "at": "2026-01-01T00:00:00.000Z"}
STORED = {"id": "f", "name": "a.png", "size": 3, "mime": "image/png", "url": "/api/files/f"}
LOGGED_CHAT = {"room": "r", "seq": 1, "id": "i", "kind": "chat", **WHO_WHEN, "text": "hi"}
LOGGED_FILE = {"room": "r", "seq": 2, "id": "j", "kind": "file", **WHO_WHEN, "file": STORED}
AS_IT_IS = {"reply_to": 1, "edited_at": "t", "pinned": True, "reactions": [{"emoji": "👍", "users": ["u1", "u2"]}]}
LOGGED_DELETED = {"room": "r", "seq": 3, "id": "k", "kind": "deleted", **WHO_WHEN}
CHANGED = {"room": "r", "seq": 4, "id": "l", **WHO_WHEN, "of": 1}
CHANGES: list[dict[str, Any]] = [
    {**CHANGED, "kind": "edit", "text": "hello"},
    {**CHANGED, "kind": "edit"},
    {**CHANGED, "kind": "edit", "text": "hello", "mentions": ["u1"]},
    {**CHANGED, "kind": "delete"},
    {**CHANGED, "kind": "react", "emoji": "👍", "on": False},
    {**CHANGED, "kind": "pin", "on": True},
]
CHAT, FILE = {"type": "message", **LOGGED_CHAT}, {"type": "message", **LOGGED_FILE}
TOLD = {"room": "~me.0123", "seq": 1, "id": "~0123", **WHO_WHEN, "about": {"room": "~r", "title": "T"}}
ABOUT_A_MESSAGE = {"room": "r", "title": "T", "of": 4}
ABOUT_THE_ROOM: list[dict[str, Any]] = [
    {"room": "~r", "seq": 1, "id": "a", "kind": "room", **WHO_WHEN, "title": "T", "topic": "", "archived": False},
    {"room": "~r", "seq": 2, "id": "b", "kind": "member", **WHO_WHEN, "user": ANNA, "role": "owner"},
    {"room": "~r", "seq": 3, "id": "c", "kind": "member", **WHO_WHEN, "user": ANNA},
]
LIMITS = {"frame_bytes": 1, "text_chars": 2, "inline_file_bytes": 3, "frames_per_s": 20.0, "frames_burst": 40}
SERVER_FRAMES: list[dict[str, Any]] = [
    {"type": "welcome", "user": ANNA, "session": "s", "epoch": "e", "expires_at": "t", "heartbeat_s": 25.0,
     "limits": LIMITS, "me": "~me.0123"},
    {"type": "joined", "room": "r", "seq": 2, "members": 1, "online": [ANNA], "messages": [LOGGED_CHAT, LOGGED_FILE],
     "more": False},
    {"type": "resumed", "rooms": [
        {"room": "r", "seq": 2, "members": 1, "online": [ANNA], "messages": [LOGGED_CHAT], "more": True},
        {"room": "s", "error": {"code": "not_joined", "text": "No."}},
    ]},
    {"type": "left", "room": "r"},
    {"type": "left", "room": "~r", "by": ANNA},
    {"type": "joined", "room": "~r", "seq": 2, "members": 1, "online": [ANNA], "messages": ABOUT_THE_ROOM,
     "more": False, "role": "owner", "title": "T", "topic": "t", "posting": "moderators", "invites": "moderators",
     "archived": True, "private": True, "people": [{**ANNA, "role": "owner"}, {"id": "u2", "name": "Borys"}]},
    {"type": "people", "people": [ANNA]},
    *({"type": "message", **TOLD, "kind": kind} for kind in ("invited", "removed")),
    *({"type": "change", **change} for change in ABOUT_THE_ROOM),
    {"type": "rooms", "rooms": [{"room": "r", "seq": 1, "read_seq": 0, "unread": 1, "members": 1, "last": LOGGED_CHAT},
                                {"room": "s", "seq": 0, "read_seq": 0, "unread": 0, "members": 0},
                                {"room": "t", "seq": 1, "read_seq": 0, "unread": 1, "members": 0, "last_at": "t"},
                                {"room": "u", "seq": 1, "read_seq": 0, "unread": 1, "mentions": 1, "notify": "none",
                                 "members": 0}]},
    CHAT,
    FILE,
    {**FILE, "file": {**STORED, "preview_url": "/api/files/f/preview"}},
    {**CHAT, **AS_IT_IS},
    {**CHAT, "thread": 1, "mentions": ["u1", "u2"]},
    {**CHAT, "replies": {"count": 2, "last_seq": 9, "last_at": "t"}},
    *({"type": "message", **TOLD, "kind": "mention", "about": {**ABOUT_A_MESSAGE, **more}} for more in (
        {"why": "mention"}, {"why": "reply", "thread": 3}, {"why": "direct"},
    )),
    {**FILE, **AS_IT_IS},
    {"type": "message", **LOGGED_DELETED},
    *({"type": "change", **change} for change in CHANGES),
    {"type": "joined", "room": "r", "seq": 2, "as_of": 1, "members": 0, "online": [], "messages": CHANGES,
     "more": False},
    {"type": "history", "room": "r", "seq": 9, "messages": [LOGGED_CHAT, LOGGED_DELETED, *CHANGES], "more": True},
    {"type": "presence", "room": "r", "user": ANNA, "online": True, "members": 1},
    {"type": "presence", "room": "r", "members": 101},
    {"type": "presence", "room": "r", "members": 1, "present": [ANNA]},
    {"type": "typing", "room": "r", "user": ANNA},
    {"type": "read", "room": "r", "user": ANNA, "seq": 1},
    {"type": "notify", "room": "r", "level": "none"},
    {"type": "pong"},
    {"type": "reconnect", "after_ms": 500},
    {"type": "error", "code": "rate_limited", "text": "Slower, please.", "retryable": True, "retry_after_ms": 100},
]  # fmt: skip


def parse(frame: object) -> client.ClientFrame:
    return CLIENT_FRAME.validate_json(json.dumps(frame))


def kinds(union: TypeAdapter[Any]) -> set[str]:
    defs: dict[str, Any] = union.json_schema()["$defs"]
    return {str(d["properties"]["type"]["const"]) for d in defs.values() if "type" in d.get("properties", {})}


@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=lambda f: f["type"])
def test_each_client_frame_of_the_table_parses_and_may_bear_a_ref(frame: dict[str, Any]) -> None:
    assert json.loads(pack(parse(frame))).items() >= frame.items()
    assert parse({**frame, "ref": "r" * 64}).ref == "r" * 64


def test_the_tables_here_have_every_type_of_the_unions() -> None:
    assert {frame["type"] for frame in CLIENT_FRAMES} == kinds(CLIENT_FRAME)
    assert {frame["type"] for frame in SERVER_FRAMES} == kinds(SERVER_FRAME)


@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=lambda f: f["type"])
def test_an_unknown_field_is_refused_on_every_client_frame(frame: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        parse({**frame, "extra": 1})


OPTIONAL = {
    "join": ("after",), "history": ("before", "after", "thread", "limit"), "edit": ("mentions",),
    "chat": ("reply_to", "thread", "mentions"), "create": ("topic", "users"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("frame", "field"),
    [(f, name) for f in CLIENT_FRAMES for name in f if name not in OPTIONAL.get(f["type"], ())],
    ids=lambda value: value if isinstance(value, str) else value["type"],
)
def test_a_required_field_is_required_and_null_is_no_value(frame: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError):
        parse({name: value for name, value in frame.items() if name != field})
    with pytest.raises(ValidationError):
        parse({**frame, field: None})


CHAT_FRAME = {"type": "chat", "room": "general", "id": "i", "text": "hi"}
EDIT_FRAME = {"type": "edit", "room": "general", "id": "i", "of": 1, "text": "hi"}
WRONG: list[Any] = [
    {},
    [],
    None,
    "ping",
    {"type": "shout", "room": "general"},
    {"type": 1},
    {"type": ["ping"]},
    {"type": "PING"},
    {"type": "message"},
    {"type": "ping", "ref": "r" * 65},
    {"type": "ping", "ref": 1},
    {"type": "auth", "token": ""},
    {"type": "auth", "token": 5},
    {"type": "join", "room": "general", "after": -1},
    {"type": "join", "room": "general", "after": "5"},
    {"type": "join", "room": "general", "after": 1.5},
    {"type": "join", "room": "general", "after": True},
    {"type": "join", "room": "general", "after": 2**53},
    {"type": "join", "room": ["general"]},
    {"type": "resume", "rooms": []},
    {"type": "resume", "rooms": ["general"]},
    {"type": "resume", "rooms": [{"room": "general"}]},
    {"type": "resume", "rooms": [{"room": "general", "after": 1}, {"room": "general", "after": 2}]},
    {"type": "resume", "rooms": [{"room": f"r{n}", "after": 0} for n in range(501)]},
    {"type": "history", "room": "general", "limit": 0},
    {"type": "history", "room": "general", "limit": 201},
    {"type": "history", "room": "general", "before": 5, "after": 5},
    {"type": "read", "room": "general"},
    {"type": "read", "room": "general", "seq": -1},
    {**CHAT_FRAME, "text": ""},
    {**CHAT_FRAME, "text": "a\0b"},
    {**CHAT_FRAME, "text": 5},
    {**CHAT_FRAME, "id": ""},
    {**CHAT_FRAME, "id": "i" * 65},
    {**CHAT_FRAME, "id": "a b"},
    {**CHAT_FRAME, "id": "ї"},
    {**CHAT_FRAME, "id": 1},
    {**CHAT_FRAME, "reply_to": -1},
    {**CHAT_FRAME, "reply_to": "3"},
    {**CHAT_FRAME, "thread": -1},
    {**CHAT_FRAME, "mentions": "u1"},
    {**CHAT_FRAME, "mentions": [f"u{n}" for n in range(51)]},
    {**EDIT_FRAME, "mentions": [f"u{n}" for n in range(51)]},
    {**EDIT_FRAME, "mentions": [""]},
    {"type": "notify", "room": "r", "level": "loud"},
    {**EDIT_FRAME, "of": -1},
    {**EDIT_FRAME, "text": ""},
    {**EDIT_FRAME, "text": "\u200b"},
    *(
        {"type": "react", "room": "general", "id": "i", "of": 1, "emoji": emoji, "on": True}
        for emoji in ("", "a", "1", "так", "👍👍", "👍a", "🇺", "\ufe0f", "🏽", ":+1:", "👍" + "\u200d👍" * 11)
    ),
    {"type": "react", "room": "general", "id": "i", "of": 1, "emoji": "👍", "on": 1},
    {**CHAT_FRAME, "id": "~i"},
    {**CHAT_FRAME, "room": "~"},
    {**CHAT_FRAME, "room": "a~b"},
    {**CHAT_FRAME, "room": "~" + "a" * 64},
    {"type": "create", "id": "i", "title": ""},
    {"type": "create", "id": "i", "title": "\u202e\u200b"},
    {"type": "create", "id": "i", "title": "t", "users": ["u"] * 51},
    {"type": "create", "id": "i", "title": "t", "users": ["two words"]},
    {"type": "create", "room": "r", "id": "i", "title": "t"},
    {"type": "direct", "id": "i", "users": []},
    {"type": "direct", "id": "i", "users": ["u"] * 9},
    {"type": "role", "room": "r", "id": "i", "user": "u", "role": "king"},
    {"type": "settings", "room": "r", "id": "i"},
    {"type": "settings", "room": "r", "id": "i", "title": None},
    {"type": "settings", "room": "r", "id": "i", "posting": "nobody"},
    {"type": "people", "q": ""},
    {"type": "file", "room": "general", "id": "i", "name": "a", "data": "http://x"},
    {"type": "file", "room": "general", "id": "i", "name": 5, "data": "data:;base64,"},
]


@pytest.mark.parametrize("frame", WRONG, ids=lambda value: json.dumps(value)[:60])
def test_what_the_table_does_not_allow_is_refused(frame: object) -> None:
    with pytest.raises(ValidationError):
        parse(frame)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"nil", b'{"type":"ping"}x', b"\xff\xfe", b'{"type":"ping","ref":"\xed\xa0\x80"}',
        b'{"type":"ping","ref":"\\ud800"}',
        b"[" * 100_000, b'{"type":' * 10_000, b'{"type":"ping","ref":NaN}', b'{"type":"join","room":"r","after":1e400}',
        b'{"type":"join","room":"r","after":' + b"9" * 5_000 + b"}", b"\0", b'\xef\xbb\xbf{"type":"ping"}',
    ],
    ids=lambda text: repr(text[:30]),
)  # fmt: skip
def test_what_is_no_json_of_a_frame_is_refused(text: bytes) -> None:
    with pytest.raises(ValidationError):
        CLIENT_FRAME.validate_json(text)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["room", "id", "text", "after", "before", "limit", "seq", "ref", "token", "name", "data", "extra"]
)


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_garbage_is_refused_and_never_anything_worse(garbage: bytes | str) -> None:
    with pytest.raises(ValidationError):
        CLIENT_FRAME.validate_json(garbage)


@given(st.sampled_from(sorted(kinds(CLIENT_FRAME))), st.dictionaries(FIELDS, JSON_VALUES, max_size=6))
def test_a_frame_of_any_fields_parses_as_written_or_is_refused(kind: str, fields: dict[str, Any]) -> None:
    sent = {**fields, "type": kind}
    try:
        frame = CLIENT_FRAME.validate_json(json.dumps(sent))
    except (ValidationError, UnicodeEncodeError):
        return
    assert json.loads(pack(frame)).items() >= {k: v for k, v in sent.items() if v is not None}.items()


@pytest.mark.parametrize("frame", SERVER_FRAMES, ids=lambda f: f["type"])
def test_each_server_frame_of_the_table_is_written_compactly_with_type_first(frame: dict[str, Any]) -> None:
    parsed = SERVER_FRAME.validate_json(json.dumps(frame))
    text = render(parsed).decode()
    assert json.loads(text) == frame
    assert text.startswith(f'{{"type":"{frame["type"]}"')
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("frame", SERVER_FRAMES, ids=lambda f: f["type"])
def test_a_ref_comes_back_and_type_is_still_first(frame: dict[str, Any]) -> None:
    text = render(SERVER_FRAME.validate_json(json.dumps({**frame, "ref": 'a"б'}))).decode()
    assert json.loads(text) == {**frame, "ref": 'a"б'}
    assert text.startswith('{"type":')


EMOJI = [
    "👍",
    "👍🏽",
    "❤",
    "🇺🇦",
    "1\u20e3",
    "👨\u200d👩\u200d👧\u200d👦",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "©",
    "\U0001fae9",
]


@pytest.mark.parametrize("emoji", EMOJI, ids=ascii)
def test_one_emoji_is_one_whatever_it_is_made_of_and_whichever_keyboard_wrote_it(emoji: str) -> None:
    for written in (emoji, emoji[0] + "\ufe0f" + emoji[1:] if emoji[0] not in "👍🇺🏴" else emoji):
        frame = parse({"type": "react", "room": "general", "id": "i", "of": 1, "emoji": written, "on": True})
        assert frame.type == "react"
        assert frame.emoji == emoji


def test_a_frame_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        setattr(parse(CHAT_FRAME), "ref", "other")  # noqa: B010 - the type checker would not let it through


def test_an_error_says_whether_a_retry_can_help() -> None:
    assert {code.value for code in ErrorCode if error(code, "…").retryable} == {
        "rate_limited",
        "overloaded",
        "unavailable",
        "timed_out",
    }
    assert json.loads(render(error(ErrorCode.OVERLOADED, "Wait.", "r", 50))) == {
        "type": "error", "code": "overloaded", "text": "Wait.", "ref": "r", "retryable": True, "retry_after_ms": 50,
    }  # fmt: skip


def test_each_error_code_of_the_table_has_an_http_status_that_says_the_same() -> None:
    table = [
        "invalid_frame", "too_large", "unauthorized", "expired", "forbidden", "not_joined", "no_such_room",
        "no_such_message", "no_such_user", "id_reused", "rate_limited", "overloaded", "unavailable",
        "unsupported_file", "name_taken", "bad_credentials",
        # Over HTTP alone.
        "forbidden_origin", "no_guests", "sign_in_elsewhere", "invalid_name", "invalid_password", "weak_password",
        "invalid_request", "not_found", "method_not_allowed", "no_such_file", "precondition_failed", "upgrade_required",
        "timed_out", "internal",
    ]  # fmt: skip
    assert [code.value for code in ErrorCode] == table
    assert {code for code in ErrorCode if code.http_status in (408, 429, 503)} == RETRYABLE
    assert all(400 <= code.http_status < 600 for code in ErrorCode)


def test_a_client_comes_back_after_the_close_codes_that_the_table_names() -> None:
    named = {4001: True, 4002: True, 4003: True, 4004: True, 4501: False, 4502: False, 4503: False, 4504: False}
    assert {code.value: code.come_back for code in CloseCode if code >= 4000} == named
    assert {code.value for code in CloseCode if code < 4000 and code.come_back} == {1001, 1002, 1007, 1011, 1012}


BUS_MESSAGES: list[dict[str, Any]] = [
    {"type": "submit", "address": "mailbox.a", "session": "s", "user": ANNA, "frame": CHAT_FRAME},
    {"type": "unseat", "address": "mailbox.a", "room": "r", "session": "s"},
    {"type": "retell", "address": "mailbox.a", "room": "r", "session": "s"},
    {"type": "resume", "address": "mailbox.a", "room": "r", "after": 5, "seats": [{"session": "s", "user": ANNA}]},
    {"type": "beat", "address": "mailbox.a"},
    {"type": "tick"},
    {"type": "post", "room": "r", "user": ANNA, "id": "i", "file": STORED, "session": "s", "address": "mailbox.a",
     "ref": "r"},
    {"type": "access_wanted", "room": "r", "user": "u1", "reply_to": "mailbox.a", "ref": "x"},
    {"type": "access", "ref": "x", "exists": True, "allowed": False},
    {"type": "seated", "room": "r", "sessions": ["s"], "seq": 5},
    {"type": "unseated", "room": "r", "sessions": ["s"]},
    {"type": "removed", "room": "r", "user": "u1", "by": ANNA},
    {"type": "lapsed"},
    {"type": "rewound", "room": "r", "seq": 5},
    {"type": "handled", "queue": "frames.3", "n": 7},
    {"type": "file_gone", "file": "f"},
    {"type": "fanout", "room": "r", "first": 5, "sizes": [10, 20], "skip": "s"},
    {"type": "fanout", "room": "r", "first": None, "sizes": [10]},
    {"type": "direct", "session": "s", "sizes": [10], "answers": "i"},
    {"type": "signed_in", "user": ANNA, "id": "~1", "device": {"at": "t", "name": "Firefox", "address": "10.0.0.1"}},
    {"type": "revoked", "token_id": "t", "expires_at": 1},
    {"type": "revocations_wanted", "reply_to": "mailbox.a"},
    {"type": "revocations", "tokens": [{"type": "revoked", "token_id": "t", "expires_at": 1}]},
]  # fmt: skip


@pytest.mark.parametrize("message", BUS_MESSAGES, ids=lambda m: m["type"])
def test_each_bus_message_is_read_back_as_it_was_packed(message: dict[str, Any]) -> None:
    parsed = BUS_MESSAGE.validate_json(json.dumps(message))
    assert BUS_MESSAGE.validate_json(pack(parsed)) == parsed
    with pytest.raises(ValidationError):
        BUS_MESSAGE.validate_json(json.dumps({**message, "extra": 1}))


def test_the_bus_table_here_has_every_type() -> None:
    assert {message["type"] for message in BUS_MESSAGES} | kinds(CLIENT_FRAME) == kinds(BUS_MESSAGE)
