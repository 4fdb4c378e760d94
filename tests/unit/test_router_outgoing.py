"""What the router says fits into a body, whatever a room holds."""

from __future__ import annotations

import json

import pytest

from services.router.core.audience import Audience
from services.router.core.outgoing import Answer, Out, Outgoing
from shared.protocol.bus import ITEM_BYTES, Direct, Fanout
from shared.protocol.names import FRAME_BYTES

EVERYONE = Audience(("mailbox.g1", "mailbox.g2"), (3, 4))


def of(size: int, **fields: object) -> bytes:
    """A frame of about this size."""
    return json.dumps({"type": "message", "text": "x" * size, **fields}).encode()


def fanouts(outs: list[Out]) -> list[tuple[int | None, int]]:
    """The first `seq` of each, and how many messages it has."""
    read = [(Fanout.model_validate_json(out.part), out.payload) for out in outs]
    assert all(message.sizes == [len(frame) for frame in payload] for message, payload in read)
    return [(message.first, len(payload)) for message, payload in read]


@pytest.mark.parametrize("size", [200, 50_000, FRAME_BYTES, ITEM_BYTES // 2])
def test_messages_that_follow_one_another_are_told_in_order_and_in_pieces_that_fit(size: int) -> None:
    out, frames = Outgoing("r"), [of(size, seq=seq) for seq in range(1, 121)]
    for seq, frame in enumerate(frames, 1):
        out.entry(EVERYONE, seq, frame)
    outs = out.done()
    assert [frame for each in outs for frame in each.payload] == frames
    assert max(each.size for each in outs) <= ITEM_BYTES
    told = fanouts(outs)
    assert told[0][0] == 1
    assert [first for first, _ in told[1:]] == [(first or 0) + count for first, count in told[:-1]]
    if size < 1_000:
        assert len(outs) == 1, "what is small stays together"


@pytest.mark.parametrize("ref", ["r-1", None])
def test_an_answer_that_no_body_has_room_for_is_refused_in_a_word(ref: str | None) -> None:
    out = Outgoing("r")
    large = of(ITEM_BYTES, **({} if ref is None else {"ref": ref}))
    out.answer("mailbox.g1", Answer("s1", ref, "id-1"), large)
    out.direct("mailbox.g1", "s2", of(100))
    outs = out.done()
    assert max(each.size for each in outs) <= ITEM_BYTES
    heads = [Direct.model_validate_json(each.part) for each in outs]
    assert [(head.session, head.answers) for head in heads] == [("s1", "id-1"), ("s2", None)]
    refusal = json.loads(outs[0].payload[0])
    assert (refusal["type"], refusal["code"], refusal.get("ref")) == ("error", "too_large", ref)
    assert json.loads(outs[1].payload[0])["type"] == "message"
