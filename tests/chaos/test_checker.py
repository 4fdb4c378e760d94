"""The checker finds nothing in a faultless history, and each fault that is planted in one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos.checker import Breach, History, check
from tests.chaos.generated import ROOMS, World

Records = list[History]
Plant = Callable[[Records, Random], None]


def of(records: Records, kind: str, **fields: object) -> Records:
    """The records of this kind that say so."""
    return [r for r in records if r["kind"] == kind and fields.items() <= r.items()]


def at_the_end(records: Records) -> set[str]:
    """The clients that are connected when the run ends."""
    state = {r["client"]: r["kind"] == "open" for r in records if r["kind"] in ("open", "close", "stop")}
    return {client for client, is_open in state.items() if is_open}


def drop(records: Records, *unwanted: History) -> None:
    ids = {id(record) for record in unwanted}
    records[:] = [record for record in records if id(record) not in ids]


def an_acknowledged_message_is_missing(records: Records, chance: Random) -> None:
    ack = chance.choice(of(records, "ack"))
    drop(records, *of(records, "stored", room=ack["room"], id=ack["id"]))


def an_acknowledged_message_has_another_text(records: Records, chance: Random) -> None:
    ack = chance.choice(of(records, "ack"))
    of(records, "stored", room=ack["room"], id=ack["id"])[0]["text"] = "something else"


def a_number_is_left_out(records: Records, chance: Random) -> None:
    """From one message on all numbers are one too high, for everyone: only the log itself can show it."""
    room, first = (ack := chance.choice(of(records, "ack")))["room"], ack["seq"]
    for record in of(records, "joined", room=room):
        record["seq"] += record["seq"] >= first
    for record in of(records, "skipped", room=room):
        record["first"] += record["first"] >= first
        record["last"] += record["last"] >= first
    for record in records:
        if record["kind"] != "joined" and record.get("room") == room and record.get("seq", 0) >= first:
            record["seq"] += 1


def a_message_is_stored_twice(records: Records, chance: Random) -> None:
    stored = chance.choice(of(records, "stored"))
    last = max(r["seq"] for r in of(records, "stored", room=stored["room"]))
    records.append({**stored, "seq": last + 1})


def a_number_is_given_twice(records: Records, chance: Random) -> None:
    records.append({**chance.choice(of(records, "stored")), "id": "another"})


def a_message_is_shown_twice(records: Records, chance: Random) -> None:
    show = chance.choice(of(records, "show"))
    records.insert(records.index(show) + 1, dict(show))


def somebody_gets_two_copies(records: Records, chance: Random) -> None:
    users = {r["client"]: r["user"] for r in of(records, "open")}
    receive = chance.choice([r for r in of(records, "receive", via="live") if r["sender"] != users[r["client"]]])
    records.insert(records.index(receive) + 1, dict(receive))


def two_members_see_two_orders(records: Records, chance: Random) -> None:
    """For one client two messages change places, with their numbers."""
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    one, other = chance.sample(of(records, "show", client=client, room=room), 2)
    swap = {one["id"]: other["seq"], other["id"]: one["seq"]}
    for record in records:
        is_copy = record["kind"] in ("show", "receive") and record["client"] == client and record["room"] == room
        if is_copy and record["id"] in swap:
            record["seq"] = swap[record["id"]]


def a_message_is_shown_late(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    one, other = next(pairwise(of(records, "show", client=client, room=room)))
    one["seq"], one["id"], one["sender"], other["seq"], other["id"], other["sender"] = (
        other["seq"], other["id"], other["sender"], one["seq"], one["id"], one["sender"],
    )  # fmt: skip


def a_live_message_comes_late(records: Records, chance: Random) -> None:
    users = {r["client"]: r["user"] for r in of(records, "open")}
    groups: dict[tuple[object, ...], Records] = {}
    for r in of(records, "receive", via="live"):
        if r["sender"] != users[r["client"]]:
            groups.setdefault((r["client"], r["connection"], r["room"]), []).append(r)
    group = chance.choice([group for group in groups.values() if len(group) > 1])
    first, second = records.index(group[0]), records.index(group[1])
    records[first], records[second] = records[second], records[first]


def an_acknowledgement_names_another_number(records: Records, chance: Random) -> None:
    chance.choice(of(records, "ack"))["seq"] += 1


def a_sender_is_overtaken_by_himself(records: Records, chance: Random) -> None:
    """The log, and all who saw it, have two of one connection's messages the other way round."""
    refused = {r["ref"] for r in of(records, "error")}
    counted: dict[str, int] = {}
    for send in of(records, "send"):
        counted[send["id"]] = counted.get(send["id"], 0) + 1
    groups: dict[tuple[object, ...], Records] = {}
    for send in of(records, "send"):
        if send["id"] not in refused and counted[send["id"]] == 1:
            groups.setdefault((send["client"], send["connection"], send["room"]), []).append(send)
    group = chance.choice([group for group in groups.values() if len(group) > 1])
    one, other = (send["id"] for send in group[:2])
    texts = {write["id"]: write["text"] for write in of(records, "write")}
    for record in records:
        if record.get("id") in (one, other) and "seq" in record:
            record["id"] = other if record["id"] == one else one
            if "text" in record:
                record["text"] = texts[record["id"]]


def a_message_is_seen_that_is_not_stored(records: Records, chance: Random) -> None:
    receive = chance.choice(of(records, "receive"))
    last = max(r["seq"] for r in of(records, "stored", room=receive["room"]))
    seen = {**receive, "seq": last + 1, "id": "never"}
    records.insert(records.index(receive) + 1, seen)


def a_message_is_seen_as_it_is_not_stored(records: Records, chance: Random) -> None:
    chance.choice(of(records, "receive"))["text"] = "half of"


def a_member_lacks_the_newest(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    last = max(r["seq"] for r in of(records, "stored", room=room))
    for kind in ("receive", "show"):
        drop(records, *of(records, kind, client=client, room=room, seq=last))


def a_member_lacks_one_in_the_middle(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    show = chance.choice(of(records, "show", client=client, room=room)[1:-1])
    for kind in ("receive", "show"):
        drop(records, *of(records, kind, client=client, room=room, seq=show["seq"]))


def a_member_sees_nothing_at_all(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    for kind in ("receive", "show"):
        drop(records, *of(records, kind, client=client, room=room))


def a_client_passes_over_what_it_need_not(records: Records, chance: Random) -> None:
    """It knows all of the room but one, and says of that one that it was too much."""
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    show = of(records, "show", client=client, room=room)[-1]
    show.update(kind="skipped", first=show["seq"], last=show["seq"], catch_up=1)


def a_client_shows_what_it_passed_over(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    show = chance.choice(of(records, "show", client=client, room=room))
    seq = show["seq"]
    skip = {**show, "kind": "skipped", "first": seq, "last": seq, "catch_up": 0}
    records.insert(records.index(show), skip)


def a_client_passes_over_more_than_it_says(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    one, other = chance.choice(list(pairwise(of(records, "show", client=client, room=room)))[1:-1])
    drop(records, other)
    one.update(kind="skipped", first=one["seq"], last=one["seq"], catch_up=0)


def something_written_is_never_answered(records: Records, chance: Random) -> None:
    connected = at_the_end(records)
    drop(records, chance.choice([ack for ack in of(records, "ack") if ack["client"] in connected]))


def somebody_who_is_gone_is_shown(records: Records, chance: Random) -> None:
    chance.choice(of(records, "present"))["online"].append("u3")


def somebody_who_is_there_is_not_shown(records: Records, chance: Random) -> None:
    chance.choice(of(records, "present"))["online"].remove("u1")


PLANTS: dict[Plant, Breach] = {
    an_acknowledged_message_is_missing: Breach.LOST,
    an_acknowledged_message_has_another_text: Breach.LOST,
    a_number_is_left_out: Breach.HOLE,
    a_message_is_stored_twice: Breach.DOUBLE,
    a_number_is_given_twice: Breach.DOUBLE,
    a_message_is_shown_twice: Breach.DOUBLE,
    somebody_gets_two_copies: Breach.DOUBLE,
    two_members_see_two_orders: Breach.DISORDER,
    a_message_is_shown_late: Breach.DISORDER,
    a_live_message_comes_late: Breach.DISORDER,
    an_acknowledgement_names_another_number: Breach.DISORDER,
    a_sender_is_overtaken_by_himself: Breach.SENDER_DISORDER,
    a_message_is_seen_that_is_not_stored: Breach.UNSTORED,
    a_message_is_seen_as_it_is_not_stored: Breach.UNSTORED,
    a_member_lacks_the_newest: Breach.INCOMPLETE,
    a_member_lacks_one_in_the_middle: Breach.INCOMPLETE,
    a_member_sees_nothing_at_all: Breach.INCOMPLETE,
    a_client_passes_over_what_it_need_not: Breach.INCOMPLETE,
    a_client_passes_over_more_than_it_says: Breach.INCOMPLETE,
    a_client_shows_what_it_passed_over: Breach.DISORDER,
    something_written_is_never_answered: Breach.UNSETTLED,
    somebody_who_is_gone_is_shown: Breach.GHOST,
    somebody_who_is_there_is_not_shown: Breach.UNSEEN,
}
ALONE = {
    Breach.INCOMPLETE, Breach.UNSETTLED, Breach.GHOST, Breach.UNSEEN, Breach.SENDER_DISORDER,
}  # fmt: skip
"""Kinds that, planted as above, break nothing else."""


@given(seed=st.integers(0, 2**32))
def test_a_faultless_history_is_clean(seed: int) -> None:
    verdict = check(World(seed).records)
    assert verdict.findings == []
    assert verdict.is_clean
    assert verdict.acknowledged == verdict.written > 0
    assert verdict.received > verdict.stored > 0


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_a_planted_fault_is_found_and_named(plant: Plant, seed: int) -> None:
    records = World(seed).records
    plant(records, Random(seed))
    verdict = check(records)
    assert not verdict.is_clean
    assert verdict.counts[PLANTS[plant]] > 0, verdict.findings
    if PLANTS[plant] in ALONE:
        assert {finding.breach for finding in verdict.findings} == {PLANTS[plant]}, verdict.findings


def test_every_kind_of_breach_has_a_plant() -> None:
    assert set(PLANTS.values()) == set(Breach)


def test_a_refused_send_may_be_overtaken() -> None:
    """Told `overloaded`, the first goes again behind the second: that is what was asked for."""
    person = {"client": "c", "connection": 1}
    sent = [{**person, "kind": "open", "user": "u"}]
    sent += [{**person, "kind": "send", "room": "r", "id": id} for id in ("a", "b")]
    sent += [{**person, "kind": "error", "ref": "a", "code": "overloaded"}, {**sent[1]}]
    stored = [
        {"kind": "stored", "room": "r", "seq": seq, "id": id, "sender": "u", "text": ""}
        for seq, id in ((1, "b"), (2, "a"))
    ]
    assert check([*sent, *stored]).is_clean
    without_refusal = [r for r in sent if r["kind"] != "error"][:3]
    assert check([*without_refusal, *stored]).counts[Breach.SENDER_DISORDER] == 1


def test_a_table_has_a_line_for_each_breach() -> None:
    table = check(World(1).records).table()
    for breach in Breach:
        assert f"{breach}".ljust(18) in table
