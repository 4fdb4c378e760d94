"""What is delivered again may have been written before, by a router that died before it told anybody: so it is told
again."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

import pytest

from services.router.core.changes import Changes, Gone, Item
from services.router.core.room import Room
from services.router.core.step import step
from shared.protocol.bus import Fanout
from shared.protocol.codec import decode, encode
from tests.contract.routing import NOW_MS, join, leave, outs_of, unsubscribe, user

ANNA, BORYS, VIRA = user(1), user(2), user(3)
ADDRESS = "mailbox.g1"


def presences(changes: Changes, before: Set[str]) -> set[str]:
    """Who is online for one who believed that of `before`, and hears this."""
    online = set(before)
    for out in outs_of(changes):
        body, payload = decode(encode("s", [out.part], out.payload))
        at = 0
        for message in body.messages:
            for size in getattr(message, "sizes", ()):
                frame: dict[str, Any] = json.loads(bytes(payload[at : at + size]))
                at += size
                if isinstance(message, Fanout) and frame["type"] == "presence":
                    if "present" in frame:
                        online = {person["id"] for person in frame["present"]}
                    else:
                        (online.add if frame["online"] else online.discard)(frame["user"]["id"])
    return online


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (join("r", VIRA), {"u1", "u2", "u3"}),
        (unsubscribe("r", BORYS.id), {"u1"}),
        (leave("r", BORYS), {"u1"}),
        (Item(Gone(room="r", address="mailbox.g2")), {"u1"}),
    ],
    ids=["join", "unsubscribe", "leave", "gone"],
)
def test_who_came_or_went_is_told_again(item: Item, expected: set[str]) -> None:
    room = Room("r")
    before = [join("r", ANNA), join("r", BORYS, address="mailbox.g2" if isinstance(item.message, Gone) else ADDRESS)]
    step(room, before, NOW_MS)
    step(room, [item], NOW_MS)  # what this said is lost
    again = step(room, [item._replace(redelivered=True)], NOW_MS)
    assert not again.writes
    assert again.requires_version_check, "what is said must be as the rows have it"
    assert presences(again, {"u1", "u2"}) == expected


def test_what_comes_for_the_first_time_is_told_once() -> None:
    room = Room("r")
    step(room, [join("r", ANNA)], NOW_MS)
    assert presences(step(room, [join("r", BORYS)], NOW_MS), {"u1"}) == {"u1", "u2"}
    assert presences(step(room, [join("r", BORYS)], NOW_MS), {"u1"}) == {"u1"}
