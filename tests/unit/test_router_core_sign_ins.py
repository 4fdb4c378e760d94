"""A sign-in as an entry of one's own log."""

from __future__ import annotations

import json
from typing import Any

from services.router.core.changes import Changes, Item, Notify
from services.router.core.needs import NOTHING, Older, needs
from services.router.core.room import RECENT, Room
from services.router.core.step import step
from shared.protocol.bus import SignedIn
from shared.protocol.codec import decode, encode, pack
from shared.protocol.room_names import own_room
from shared.protocol.server import Device
from tests.contract.routing import NOW_MS, Audience, join, told_directly, user

ANNA, BORYS = user(1), user(2)
FIREFOX = Device(at="2026-11-28T12:00:00.000Z", name="Mozilla/5.0 Firefox/140.0", address="192.0.2.7")


def signed_in(id: str = "~a", device: Device = FIREFOX, *, redelivered: bool = False) -> Item:
    return Item(SignedIn(user=ANNA, id=id, device=device), redelivered)


class Log:
    """Anna's own log, and who hears it."""

    def __init__(self) -> None:
        self.room, self.audience = Room(own_room(ANNA.id)), Audience()

    def run(self, *items: Item, older: Older = NOTHING) -> Changes:
        changes = step(self.room, items, NOW_MS, older=older)
        self.audience.attend(changes)
        return changes

    def frame(self, seq: int) -> dict[str, Any]:
        found = self.room.message(seq)
        assert found is not None
        frame: dict[str, Any] = json.loads(found.frame)
        return frame


def test_a_sign_in_is_an_entry_of_one_s_own_log_which_begins_with_it() -> None:
    log = Log()
    changes = log.run(signed_in())
    assert (changes.room, changes.seq, list(changes.members)) == (own_room(ANNA.id), 1, [ANNA.id])
    frame = log.frame(1)
    assert (frame["kind"], frame["from"]["id"], frame["id"]) == ("signed_in", ANNA.id, "~a")
    assert frame["device"] == {"at": FIREFOX.at, "name": FIREFOX.name, "address": FIREFOX.address}
    assert "about" not in frame


def test_what_a_device_does_not_say_is_left_out() -> None:
    log = Log()
    log.run(signed_in(device=Device(at=FIREFOX.at)))
    assert log.frame(1)["device"] == {"at": FIREFOX.at}


def test_a_sign_in_that_is_told_twice_is_one_entry() -> None:
    log = Log()
    log.run(signed_in())
    again = log.run(signed_in(redelivered=True), signed_in())
    assert not again.writes
    assert again.requires_version_check, "another router may have written more"
    log.run(signed_in("~b"))
    assert (log.room.seq, log.frame(2)["id"]) == (2, "~b")


def test_a_sign_in_that_has_left_memory_is_found_by_its_id() -> None:
    log = Log()
    log.run(signed_in())
    first = log.room.message(1)
    assert first is not None
    log.run(*(signed_in(f"~{n}") for n in range(RECENT + 5)))
    assert log.room.message(1) is None
    wanted = needs(log.room, [signed_in()], sent_back=True)
    assert wanted is not None
    assert list(wanted.keys) == [(ANNA.id, "~a")]
    assert not log.run(signed_in(), older=Older({(ANNA.id, "~a"): first}, {})).writes


def test_each_session_of_the_person_hears_it_live_on_whichever_gateway() -> None:
    log = Log()
    log.run(join(log.room.name, ANNA, "one"), join(log.room.name, ANNA, "two", address="mailbox.g2"))
    for session in ("one", "two"):
        log.audience.hear(session)
    log.run(signed_in(), signed_in(redelivered=True))
    for session in ("one", "two"):
        assert [(frame["kind"], frame["seq"]) for frame in log.audience.hear(session)] == [("signed_in", 1)]


def test_nobody_else_is_told_that_there_is_such_a_log() -> None:
    log = Log()
    log.run(signed_in())
    refused = log.run(join(log.room.name, BORYS, "spy"))
    assert [(session, frame["code"]) for session, frame in told_directly(refused)] == [("spy", "no_such_room")]
    assert not refused.writes


def test_a_notice_of_another_room_goes_beside_it() -> None:
    log = Log()
    notice = Notify(to=ANNA, sender=BORYS, id="~n", kind="invited", content='{"room":"~x"}')
    log.run(signed_in(), Item(notice))
    assert [log.frame(seq)["kind"] for seq in (1, 2)] == ["signed_in", "invited"]


def test_it_is_read_from_the_bus_as_it_was_written() -> None:
    message = signed_in().message
    head, _ = decode(encode("accounts.a", [pack(message)]))
    assert head.messages == [message]
