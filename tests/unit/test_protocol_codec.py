"""How a batch is written down, and how a message becomes bytes."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.protocol.bus import Beat, Direct, Fanout, Submit
from shared.protocol.client import CLIENT_FRAME
from shared.protocol.codec import (
    Malformed,
    decode,
    encode,
    listed,
    pack,
    render,
    render_message,
    submit_prefix,
    timestamp,
)
from shared.protocol.server import SERVER_FRAME, ChatMessage, FileMessage, StoredFile, User

ANY_TEXT = st.text(max_size=200)
WHEN = st.integers(0, 4_102_444_800_000)  # to the year 2100


@given(
    st.text(max_size=20),
    st.lists(st.text(max_size=20), max_size=5),
    st.lists(st.binary(max_size=50), max_size=5),
    st.integers(0, 2**53),
)
def test_a_body_is_read_back_as_it_was_written(source: str, addresses: list[str], payload: list[bytes], n: int) -> None:
    body, rest = decode(encode(source, [pack(Beat(address=a)) for a in addresses], payload, n, "epoch"))
    assert (body.source, body.sequence, body.epoch, body.messages) == (
        source,
        n,
        "epoch",
        [Beat(address=a) for a in addresses],
    )
    assert bytes(rest) == b"".join(payload)


def test_a_body_without_number_and_epoch_has_none() -> None:
    body, rest = decode(encode("gateway.a", []))
    assert (body.sequence, body.epoch, body.messages, bytes(rest)) == (0, None, [], b"")


def test_the_sizes_of_a_batch_cut_its_payload_into_frames() -> None:
    frames = [b"one", b"two two", b"three"]
    parts = [pack(Fanout(room="r", first=1, sizes=[3, 7])), pack(Direct(session="s", sizes=[5]))]
    body, payload = decode(encode("router.a", parts, frames, 1, "e"))
    cut, at = [], 0
    for message in body.messages:
        assert isinstance(message, Fanout | Direct)
        for size in message.sizes:
            cut.append(bytes(payload[at : at + size]))
            at += size
    assert (cut, at) == (frames, len(payload))


def test_a_client_s_frame_is_spliced_in_as_it_came() -> None:
    came = b'{ "text" : "hi \\u2028 \\"there\\"", "type":"chat", "room":"r", "id":"i" }'
    user = User(id="u1", name='Anna "K" \u2028')
    body, _ = decode(encode("gateway.a", [submit_prefix("mailbox.a", "s", user) + came + b"}"]))
    frame = CLIENT_FRAME.validate_json(came)
    assert body.messages == [Submit(address="mailbox.a", session="s", user=user, frame=frame)]


HEAD = b'{"source":"a","n":1,"epoch":null,"messages":[]}'
SUBMIT = submit_prefix("m", "s", User(id="u", name="n"))
MALFORMED = [
    b"",
    b"\0\0\0",
    b"\0\0\0\0",
    b"\0\0\0\x05abcde",
    b"\xff\xff\xff\xff{}",
    (len(HEAD) + 1).to_bytes(4) + HEAD,
    len(HEAD).to_bytes(4) + HEAD[:-1],
    encode("a", [b'{"type":"unheard_of"}']),
    encode("a", [b'{"type":"beat"}']),
    encode("a", [b'{"type":"beat","address":"a","x":1}']),
    encode("a", [b"]}"]),
    encode("a", [SUBMIT + b'{"type":"chat","room":"bad room","id":"i","text":"t"}}']),
]


@pytest.mark.parametrize("body", MALFORMED, ids=lambda b: repr(b[:40]))
def test_a_body_that_cannot_be_read_is_malformed_and_says_why(body: bytes) -> None:
    with pytest.raises(Malformed, match=r"\w"):
        decode(body)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: len(tail).to_bytes(4) + tail))
def test_garbage_is_malformed_and_never_anything_worse(garbage: bytes) -> None:
    with pytest.raises(Malformed):
        decode(garbage)


@given(st.data())
def test_a_body_that_is_broken_anywhere_is_read_or_malformed(data: st.DataObject) -> None:
    whole = encode(
        "router.a", [pack(Fanout(room="кімната", first=1, sizes=[3])), pack(Beat(address="a"))], [b"abc"], 7, "e"
    )
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    with suppress(Malformed):
        decode(data.draw(st.sampled_from([broken, whole[:at], broken[at:]])))


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.integers(1, 2**53 - 1), WHEN, st.none() | ANY_TEXT)
@example("r", "Олена 👩‍👩‍👧", 'a"b\\c\u2028\u2029\x00\x1f\x7f</script>\n', 1, 0, '"')
@example("r", "n", "%d %b {0} %", 2**53 - 1, 999, "%b")
def test_a_message_rendered_by_hand_is_what_the_model_renders(
    room: str, name: str, text: str, seq: int, at_ms: int, ref: str | None
) -> None:
    by_hand = render_message(room, seq, "id", "chat", "u1", name, at_ms, text, ref)
    model = ChatMessage(
        room=room, seq=seq, id="id", sender=User(id="u1", name=name), at=timestamp(at_ms), text=text, ref=ref
    )
    assert json.loads(by_hand) == json.loads(render(model))
    assert SERVER_FRAME.validate_json(by_hand) == model


@given(ANY_TEXT, st.integers(0, 2**40), st.none() | ANY_TEXT)
def test_a_file_s_message_rendered_by_hand_is_what_the_model_renders(name: str, size: int, preview: str | None) -> None:
    file = StoredFile(id="f", name=name, size=size, mime="image/png", url="/api/files/f", preview_url=preview)
    by_hand = render_message("r", 1, "id", "file", "u1", "Anna", 0, pack(file).decode(), "ref")
    model = FileMessage(
        room="r", seq=1, id="id", sender=User(id="u1", name="Anna"), at=timestamp(0), file=file, ref="ref"
    )
    assert json.loads(by_hand) == json.loads(render(model))
    assert SERVER_FRAME.validate_json(by_hand) == model


@given(WHEN)
def test_a_time_is_rfc_3339_in_utc_to_the_millisecond(ms: int) -> None:
    text = timestamp(ms)
    assert len(text) == len("2026-01-01T00:00:00.000Z")
    assert text.endswith("Z")
    assert round((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000) == ms


def test_a_message_is_compact_and_says_its_type_first() -> None:
    frame = render_message("r", 7, "i", "chat", "u1", "Anna", 1_767_225_600_123, "hi")
    assert frame == (
        b'{"type":"message","room":"r","seq":7,"id":"i","kind":"chat","from":{"id":"u1","name":"Anna"},'
        b'"at":"2026-01-01T00:00:00.123Z","text":"hi"}'
    )
    assert json.loads(frame)["seq"] == 7


def test_a_listed_message_is_the_message_without_its_type() -> None:
    frame = render_message("r", 7, "i", "chat", "u1", "Anna", 0, '{"type":"message",', "ref")
    whole = json.loads(frame)
    assert list(json.loads(listed(frame)).items()) == [(k, v) for k, v in whole.items() if k != "type"]
