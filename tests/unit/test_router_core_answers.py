"""An answer that lists messages has a bound in bytes; what does not fit is `more`, and nothing between is left out."""

from __future__ import annotations

from typing import Any

import pytest

from services.router.core.changes import Changes, Item
from services.router.core.entries import stored
from services.router.core.pages import ANSWER_BYTES
from services.router.core.room import Room
from services.router.core.step import step
from shared.protocol.bus import Holder, Takeover
from shared.protocol.client import History
from tests.contract.routing import NOW_MS, Audience, chat, deep_page, join, outs_of, submit, user

ANNA, BORYS = user(1), user(2)
TEXT = "ж" * 8_000  # 16 KB
FIT = ANSWER_BYTES // (2 * len(TEXT))


class Scene:
    """A room of `count` messages of 16 KB, and what one session hears."""

    def __init__(self, count: int) -> None:
        self.room, self.audience = Room("r"), Audience()
        self.run(join("r", ANNA), *(chat("r", ANNA, f"id{n}", TEXT) for n in range(1, count + 1)))
        self.audience.hear(ANNA.id)

    def run(self, *items: Item) -> Changes:
        changes = step(self.room, items, NOW_MS)
        self.audience.attend(changes)
        return changes

    def answer(self, item: Item, who: str) -> dict[str, Any]:
        changes = self.run(item)
        listed = [out for out in outs_of(changes) if b'"direct"' in out.part]
        assert all(out.size <= ANSWER_BYTES + 1_000 for out in listed)
        return next(frame for frame in self.audience.hear(who) if frame["type"] in ("joined", "history"))


def numbers(frame: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in frame["messages"]]


def history(**bounds: int) -> Item:
    return submit(History.model_validate({"type": "history", "room": "r", "limit": 200, **bounds}), ANNA)


def test_a_join_shows_the_newest_that_fit() -> None:
    joined = Scene(60).answer(join("r", BORYS), BORYS.id)
    assert numbers(joined) == list(range(61 - FIT, 61))
    assert joined["more"] is True


def test_a_join_that_resumes_shows_the_oldest_that_fit_and_says_that_there_is_more() -> None:
    joined = Scene(60).answer(join("r", BORYS, after=40), BORYS.id)
    assert (numbers(joined), joined["more"], joined["seq"]) == (list(range(41, 41 + FIT)), True, 60)


def test_what_fits_is_not_said_to_be_more() -> None:
    joined = Scene(60).answer(join("r", BORYS, after=60 - FIT), BORYS.id)
    assert (numbers(joined), joined["more"]) == (list(range(61 - FIT, 61)), False)


def test_a_page_forward_keeps_its_oldest_and_a_page_back_its_newest() -> None:
    scene = Scene(60)
    forward, back = scene.answer(history(after=10), ANNA.id), scene.answer(history(before=50), ANNA.id)
    assert (numbers(forward), forward["more"]) == (list(range(11, 11 + FIT)), True)
    assert (numbers(back), back["more"]) == (list(range(50 - FIT, 50)), True)


@pytest.mark.parametrize("direction", ["after", "before"])
def test_paging_on_brings_every_message_once(direction: str) -> None:
    scene, found, bound = Scene(60), list[int](), {"after": 0, "before": 61}[direction]
    more = True
    while more:
        page = scene.answer(history(**{direction: bound}), ANNA.id)
        found = found + numbers(page) if direction == "after" else numbers(page) + found
        bound, more = found[-1 if direction == "after" else 0], page["more"]
    assert found == list(range(1, 61))


def test_one_message_always_fits() -> None:
    room = Room("r")
    step(room, [join("r", ANNA), *(chat("r", ANNA, f"id{n}", TEXT) for n in range(3))], NOW_MS, answer_bytes=1)
    for item, seq in ((join("r", BORYS), 3), (join("r", BORYS, after=1), 2), (history(before=3), 2)):
        audience = Audience()
        audience.attend(step(room, [item], NOW_MS, answer_bytes=1))
        (frame,) = [f for who in (ANNA, BORYS) for f in audience.hear(who.id) if f["type"] in ("joined", "history")]
        assert (numbers(frame), frame["more"]) == ([seq], True)


def test_a_page_of_a_deep_join_is_bounded_and_whole() -> None:
    scene = Scene(250)
    page = [stored("r", n, "u1", ANNA.name, f"id{n}", "chat", TEXT, NOW_MS) for n in range(21, 221)]
    scene.run(join("r", BORYS, after=20))
    joined = scene.answer(deep_page(join("r", BORYS, after=20), page), BORYS.id)
    assert (numbers(joined), joined["more"]) == (list(range(21, 21 + FIT)), True)


def test_a_resumed_gateway_gets_what_fits_and_the_newest_which_shows_the_gap() -> None:
    scene = Scene(60)
    subscriptions = [Holder(session=ANNA.id, user=ANNA)]
    scene.run(Item(Takeover(address="mailbox.g1.2", room="r", after=10, subscriptions=subscriptions)))
    heard = [frame["seq"] for frame in scene.audience.hear(ANNA.id) if frame["type"] == "message"]
    assert heard == [*range(11, 11 + FIT), 60]


def test_a_subscription_and_the_answer_that_tells_of_it_are_lost_together_or_not_at_all() -> None:
    scene = Scene(1)
    (out,) = [out for out in outs_of(scene.run(join("r", BORYS))) if b'"seated"' in out.part]
    assert b'"joined"' in out.payload[0]
    assert out.answer is not None
