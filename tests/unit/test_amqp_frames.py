"""The frames that go past aiormq: what is written, pamqp reads; what pamqp writes is read, however it is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Queue
from pamqp.frame import marshal, unmarshal
from pamqp.header import ContentHeader

from shared.bus.amqp.frames import HEARTBEAT_FRAME, Confirmed, Cutter, Delivered, Event, Message, Returned, ack, publish

FRAME_BYTES = 4_096
bodies = st.one_of(st.binary(max_size=40), st.binary(min_size=FRAME_BYTES - 9, max_size=3 * FRAME_BYTES))
tags = st.integers(1, 2**63 - 1)
keys = st.sampled_from(["frames.3", "mailbox.gateway-1.ab12.1", "черга"])


def whole(data: bytes) -> list[object]:
    """The frames in `data`, as pamqp reads them."""
    frames: list[object] = []
    while data:
        size, channel, frame = unmarshal(data)
        assert channel == 1
        frames.append(frame)
        data = data[size:]
    return frames


@given(bodies, keys, st.booleans(), st.none() | st.just({"x-reason": "poison"}))
def test_what_is_published_is_read_by_the_library(
    body: bytes, key: str, durable: bool, headers: dict[str, str] | None
) -> None:
    data = b"".join(publish(1, Message("", key, body, durable, headers), "17", FRAME_BYTES))
    method, header, *parts = whole(data)
    assert isinstance(method, Basic.Publish)
    assert (method.exchange, method.routing_key, method.mandatory, method.immediate) == ("", key, True, False)
    assert isinstance(header, ContentHeader)
    said = header.properties
    assert (header.body_size, said.delivery_mode, said.message_id) == (len(body), 2 if durable else 1, "17")
    assert (said.headers or None) == headers
    assert b"".join(part.value for part in parts if isinstance(part, ContentBody)) == body
    assert all(len(marshal(part, 1)) <= FRAME_BYTES for part in parts if isinstance(part, ContentBody))


def test_only_what_names_a_queue_must_arrive_somewhere() -> None:
    method = whole(b"".join(publish(1, Message("broadcast", "", b"", False), "1", FRAME_BYTES)))[0]
    assert isinstance(method, Basic.Publish)
    assert (method.exchange, method.mandatory) == ("broadcast", False)


@given(tags)
def test_an_acknowledgement_covers_all_before_it(tag: int) -> None:
    (frame,) = whole(ack(1, tag))
    assert isinstance(frame, Basic.Ack)
    assert (frame.delivery_tag, frame.multiple) == (tag, True)


def content(body: bytes, **properties: object) -> bytes:
    header = ContentHeader(0, len(body), Basic.Properties(**properties))  # type: ignore[arg-type]
    parts = [body[at : at + FRAME_BYTES - 8] for at in range(0, len(body), FRAME_BYTES - 8)]
    return b"".join([marshal(header, 1), *(marshal(ContentBody(part), 1) for part in parts)])


def delivered(event: Delivered) -> bytes:
    method = Basic.Deliver("consumer", event.tag, event.redelivered, "", event.routing_key)
    return marshal(method, 1) + content(event.body, message_id="1", headers={"x-delivery-count": 1})


def returned(event: Returned) -> bytes:
    return marshal(Basic.Return(312, "NO_ROUTE", "", "gone"), 1) + content(b"lost", message_id=event.message_id)


def confirmed(event: Confirmed) -> bytes:
    return marshal((Basic.Ack if event.taken else Basic.Nack)(event.tag, event.multiple), 1)


happenings = st.lists(
    st.one_of(
        st.builds(Delivered, tags, st.booleans(), keys, bodies).map(lambda e: (e, delivered(e))),
        st.builds(Returned, st.integers(1, 10**9).map(str)).map(lambda e: (e, returned(e))),
        st.builds(Confirmed, tags, st.booleans(), st.booleans()).map(lambda e: (e, confirmed(e))),
        st.sampled_from([HEARTBEAT_FRAME, marshal(Queue.DeclareOk("q", 0, 0), 1)]).map(lambda data: (None, data)),
    ),
    max_size=8,
)


@given(happenings, st.randoms(use_true_random=False))
def test_events_are_read_in_order_and_all_else_is_passed_on_however_the_stream_is_cut(
    happened: list[tuple[Event | None, bytes]], draw: object
) -> None:
    data = b"".join(written for _, written in happened)
    cuts = sorted(draw.randrange(len(data) + 1) for _ in range(5)) if data else []  # type: ignore[attr-defined]
    cutter, events, passed = Cutter(), list[Event](), b""
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        found, others = cutter.feed(data[start:end])
        events += found
        passed += others
    assert events == [event for event, _ in happened if event is not None]
    assert passed == b"".join(written for event, written in happened if event is None)


def test_another_version_of_the_protocol_is_passed_on_as_it_is() -> None:
    assert Cutter().feed(b"AMQP\x00\x00\x09\x01") == ([], b"AMQP\x00\x00\x09\x01")
