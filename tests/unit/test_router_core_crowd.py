"""Who is there, in rooms that grow over a hundred and shrink again: wherever telling by differences was suspended, it
begins anew with the whole."""

from __future__ import annotations

import random

import pytest

from services.router.core.changes import Changes, CrowdDue, Gone, Item
from services.router.core.presence import CROWD
from services.router.core.room import Room
from services.router.core.step import step
from shared.client.core.room import Room as Known
from shared.protocol.bus import Holder, Retell, Takeover
from tests.contract.routing import NOW_MS, Audience, join, leave, outs_of, read, unsubscribe, user

ONLOOKER = user(10_000)


class Scene:
    """A room, and what one who sits there all along knows of it."""

    def __init__(self, online: int) -> None:
        self.room, self.audience, self.known = Room("r"), Audience(), Known("r", None, None, None)
        self.run(*(join("r", user(n)) for n in range(1, online)), join("r", ONLOOKER))

    def run(self, *items: Item) -> Changes:
        changes = step(self.room, items, NOW_MS)
        self.audience.attend(changes)
        self.listen()
        return changes

    def listen(self) -> None:
        for frame in self.audience.hear(ONLOOKER.id):
            if frame["type"] == "joined":
                self.known.entered(frame)
            elif frame["type"] == "presence":
                self.known.present(frame)

    @property
    def right(self) -> bool:
        online = {who for who in self.room.members if self.room.is_online(who)}
        return (set(self.known.online), self.known.members) == (online, len(online))


def away(number: int) -> Item:
    return unsubscribe("r", user(number).id)


def test_nobody_sees_those_who_left_while_the_room_was_a_crowd() -> None:
    scene = Scene(112)
    assert len(scene.known.online) == 100
    for number in range(1, 111):
        scene.run(away(number))
    assert scene.right
    assert len(scene.known.online) == 2


@pytest.mark.parametrize("how", ["unseat", "leave", "gone", "all at once"])
def test_a_crowd_that_is_none_any_more_is_told_by_name(how: str) -> None:
    scene = Scene(CROWD + 1)
    match how:
        case "unseat":
            changes = scene.run(away(1))
        case "leave":
            changes = scene.run(leave("r", user(1)))
        case "gone":
            scene.run(join("r", user(1), address="mailbox.g2"))
            changes = scene.run(Item(Gone(room="r", address="mailbox.g2")))
        case _:
            changes = scene.run(*(away(n) for n in range(1, 50)))
    assert scene.right
    assert sum(b'"present"' in frame for out in outs_of(changes) for frame in out.payload) == 1, (
        "once, and then by name"
    )


def test_who_comes_back_below_the_limit_is_told_by_name_again() -> None:
    scene = Scene(CROWD + 5)
    scene.run(*(away(n) for n in range(1, 20)))
    changes = scene.run(join("r", user(3)))
    assert scene.right
    assert not any(b'"present"' in frame for out in outs_of(changes) for frame in out.payload)


def test_a_crowd_hears_how_many_it_is_and_now_and_then_who() -> None:
    scene = Scene(CROWD + 12)
    assert scene.run(*(away(n) for n in range(1, 11))).crowd_changed
    scene.run(Item(CrowdDue(room="r")))
    assert scene.known.members == CROWD + 2
    scene.run(Item(CrowdDue(room="r", names=True)))
    assert len(scene.known.online) == CROWD
    assert not set(scene.known.online) & {user(n).id for n in range(1, 11)}, "nobody of those who went"


def test_what_is_due_of_a_crowd_is_not_said_by_a_router_that_sees_it_as_it_was() -> None:
    scene = Scene(CROWD + 12)
    for names in (False, True):
        assert scene.run(Item(CrowdDue(room="r", names=names))).requires_version_check


def test_a_crowd_that_is_none_any_more_is_owed_no_number() -> None:
    scene = Scene(CROWD)
    assert outs_of(scene.run(Item(CrowdDue(room="r")))) == []


def test_a_gateway_that_resumes_its_subscriptions_learns_who_is_there_from_one_frame() -> None:
    scene = Scene(60)
    step(scene.room, [away(n) for n in range(1, 30)], NOW_MS)  # what this said is lost
    subscriptions = [Holder(session=ONLOOKER.id, user=ONLOOKER)]
    scene.run(Item(Takeover(address="mailbox.g1.2", room="r", after=0, subscriptions=subscriptions)))
    assert scene.right


def test_whose_notices_were_dropped_is_told_how_things_stand() -> None:
    scene = Scene(60)
    step(scene.room, [away(n) for n in range(1, 30)], NOW_MS)
    changes = scene.run(Item(Retell(address="mailbox.g1", room="r", session=ONLOOKER.id)))
    assert scene.right
    assert changes.requires_version_check


def test_whose_notices_were_dropped_hears_how_far_it_has_read_and_its_level_that_was_set_elsewhere() -> None:
    scene = Scene(1)
    changes = step(scene.room, [Item(Retell(address="mailbox.g1", room="r", session=ONLOOKER.id))], NOW_MS)
    frames = [frame for out in outs_of(changes) for frame in out.payload]
    assert any(b'"type":"read"' in frame for frame in frames)
    assert b'{"type":"notify","room":"r","level":"all"}' in frames


@pytest.mark.parametrize(("address", "session"), [("mailbox.g1", "nobody"), ("mailbox.g9", ONLOOKER.id)])
def test_who_sits_there_no_more_is_told_nothing(address: str, session: str) -> None:
    scene = Scene(3)
    assert outs_of(scene.run(Item(Retell(address=address, room="r", session=session)))) == []


@pytest.mark.parametrize("draw", range(10))
def test_whoever_comes_and_goes_around_the_limit_the_list_is_right_below_it(seed: int, draw: int) -> None:
    print(f"seed: {seed}.{draw}")
    rng = random.Random(f"{seed}.{draw}")
    scene = Scene(CROWD - 2)
    for _ in range(400):
        items = []
        for _ in range(rng.randint(1, 5)):
            who = user(rng.randint(1, CROWD + 10))
            session = rng.choice([who.id, f"{who.id} again"])
            items.append(rng.choice([join("r", who, session), unsubscribe("r", session), read("r", who, 1)]))
        if rng.random() < 0.05:
            items.append(join("r", ONLOOKER))
        scene.run(*items)
        assert scene.known.members == scene.room.online or scene.room.online > CROWD
        if scene.room.online <= CROWD:
            assert scene.right


def test_after_a_gateway_s_end_who_is_there_is_owed_once_more() -> None:
    """Another router may have told a newcomer of the room as it was before, and nothing orders their words. Found by
    `python -m tests.flow 900297`."""
    scene = Scene(3)
    late = scene.known
    late.online[user(99).id] = user(99).name
    assert scene.run(Item(Gone(room="r", address="mailbox.nobody"))).names_owed
    scene.run(Item(CrowdDue(room="r", names=True)))
    assert scene.right
