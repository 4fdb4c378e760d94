"""The checker finds nothing in a faultless history, and each fault that is planted in one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.protocol.room_names import own_room
from tests.chaos.checker import check
from tests.chaos.evidence import History
from tests.chaos.generated import PRIVATE, ROOMS, World
from tests.chaos.verdict import Breach

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


def one(records: Records, chance: Random, kind: str, *what: str, **fields: object) -> History:
    """One of the records of this kind that are about such entries."""
    return chance.choice([r for r in of(records, kind, **fields) if r["what"] in what])


def changed(records: Records, chance: Random, *what: str) -> tuple[History, History]:
    """A stored message that is not deleted, or is where `what` says so, and the last stored change of it."""
    messages = {(r["room"], r["seq"]): r for r in of(records, "stored")}
    last = {(r["room"], r["of"]): r for r in of(records, "stored") if r["what"] in what}
    there = ("deleted",) if what == ("delete",) else ("chat",)
    key = chance.choice([key for key in last if messages[key]["what"] in there])
    return messages[key], last[key]


def an_acknowledged_message_is_missing(records: Records, chance: Random) -> None:
    ack = chance.choice(of(records, "ack"))
    drop(records, *of(records, "stored", room=ack["room"], id=ack["id"]))


def an_acknowledged_message_has_another_text(records: Records, chance: Random) -> None:
    one(records, chance, "stored", "chat")["text"] = "something else"


def an_acknowledged_change_is_missing(records: Records, chance: Random) -> None:
    _, change = changed(records, chance, "edit", "react", "pin")
    drop(records, change)


def an_acknowledged_change_is_stored_as_another(records: Records, chance: Random) -> None:
    _, reaction = changed(records, chance, "react")
    reaction["emoji"] = "💥"


def an_edit_is_stored_and_had_no_effect(records: Records, chance: Random) -> None:
    message, _ = changed(records, chance, "edit")
    message.update(text=of(records, "write", id=message["id"])[0]["text"])
    message.pop("edited_at")


def a_number_is_left_out(records: Records, chance: Random) -> None:
    """From one message on all numbers are one too high, for everyone: only the log itself can show it."""
    room, first = (ack := chance.choice(of(records, "ack")))["room"], ack["seq"]
    for record in of(records, "joined", room=room):
        record["seq"] += record["seq"] >= first
    for record in of(records, "skipped", room=room):
        record["first"] += record["first"] >= first
        record["last"] += record["last"] >= first
    for state in of(records, "state", room=room):
        state["whole"] += state["whole"] >= first
    for record in records:
        if record.get("room") == room and record.get("stands") is not None:
            record["stands"]["as_of"] += record["stands"]["as_of"] >= first
    about = [r for r in records if r.get("room") == room]
    held = [message for state in of(records, "state", room=room) for message in state["messages"]]
    counted = [record["replies"] for record in [*about, *held] if "replies" in record]
    calling = [record["calls"] for record in of(records, "stored", about=room, what="mention")]
    for record in [*about, *held, *counted, *calling]:
        for name in ("seq", "of", "reply_to", "as_of", "through", "thread", "last_seq", "read_seq"):
            if name in record and not (name == "seq" and record.get("kind") == "joined"):
                record[name] += record[name] >= first


def a_message_is_stored_twice(records: Records, chance: Random) -> None:
    stored = chance.choice(of(records, "stored"))
    last = max(r["seq"] for r in of(records, "stored", room=stored["room"]))
    records.append({**stored, "seq": last + 1})


def a_reaction_is_stored_twice(records: Records, chance: Random) -> None:
    _, reaction = changed(records, chance, "react")
    last = max(r["seq"] for r in of(records, "stored", room=reaction["room"]))
    records.append({**reaction, "seq": last + 1})


def a_number_is_given_twice(records: Records, chance: Random) -> None:
    records.append({**chance.choice(of(records, "stored")), "id": "another"})


def a_message_is_shown_twice(records: Records, chance: Random) -> None:
    show = chance.choice(of(records, "show"))
    records.insert(records.index(show) + 1, dict(show))


def a_change_is_shown_twice(records: Records, chance: Random) -> None:
    show = one(records, chance, "show", "edit", "react", "pin", "delete")
    records.insert(records.index(show) + 1, dict(show))


def somebody_gets_two_copies(records: Records, chance: Random) -> None:
    users = {r["client"]: r["user"] for r in of(records, "open")}
    receive = chance.choice([r for r in of(records, "receive", via="live") if r["sender"] != users[r["client"]]])
    records.insert(records.index(receive) + 1, dict(receive))


def two_members_see_two_orders(records: Records, chance: Random) -> None:
    """For one client two messages change places, with their numbers."""
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    this, other = chance.sample(of(records, "show", client=client, room=room), 2)
    swap = {this["id"]: other["seq"], other["id"]: this["seq"]}
    for record in records:
        is_copy = record["kind"] in ("show", "receive") and record["client"] == client and record["room"] == room
        if is_copy and record["id"] in swap:
            record["seq"] = swap[record["id"]]


def a_message_is_shown_late(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    swap(*next(pairwise(of(records, "show", client=client, room=room))))


def a_change_is_shown_before_what_it_changes(records: Records, chance: Random) -> None:
    client, room = chance.choice(["c0", "c1"]), chance.choice(ROOMS)
    change = one(records, chance, "show", "edit", client=client, room=room)
    stored = of(records, "stored", room=room, seq=change["seq"])[0]
    swap(of(records, "show", client=client, room=room, seq=stored["of"])[0], change)


def swap(this: History, other: History) -> None:
    for name in ("seq", "id", "sender", "what"):
        this[name], other[name] = other[name], this[name]


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
    """The log, and all who saw it, have two of one connection's messages the other way round; they were never
    changed."""
    refused = {r["ref"] for r in of(records, "error")}
    of_changes = {(r["room"], r["of"]) for r in of(records, "stored") if "of" in r}
    plain = {
        r["id"]
        for r in of(records, "stored", what="chat")
        if (r["room"], r["seq"]) not in of_changes and not {"reply_to", "thread", "replies", "mentions"} & r.keys()
    }
    counted: dict[str, int] = {}
    for send in of(records, "send"):
        counted[send["id"]] = counted.get(send["id"], 0) + 1
    groups: dict[tuple[object, ...], Records] = {}
    for send in of(records, "send"):
        if send["id"] in plain and send["id"] not in refused and counted[send["id"]] == 1:
            groups.setdefault((send["client"], send["connection"], send["room"]), []).append(send)
    group = chance.choice([group for group in groups.values() if len(group) > 1])
    this, other = (send["id"] for send in group[:2])
    swapped, room = {this: other, other: this}, group[0]["room"]
    texts = {write["id"]: write["text"] for write in of(records, "write")}
    numbers = {r["seq"]: swapped[r["id"]] for r in of(records, "stored", room=room) if r["id"] in swapped}
    for record in records:
        if record.get("id") in swapped and "seq" in record:
            record["id"] = swapped[record["id"]]
            if "text" in record:
                record["text"] = texts[record["id"]]
    for state in of(records, "state", room=room):
        for message in state["messages"]:
            if message["seq"] in numbers:
                message["text"] = texts[numbers[message["seq"]]]


def a_message_is_seen_that_is_not_stored(records: Records, chance: Random) -> None:
    receive = chance.choice(of(records, "receive"))
    last = max(r["seq"] for r in of(records, "stored", room=receive["room"]))
    seen = {**receive, "seq": last + 1, "id": "never"}
    records.insert(records.index(receive) + 1, seen)


def a_message_is_seen_as_it_is_not_stored(records: Records, chance: Random) -> None:
    one(records, chance, "receive", "chat")["text"] = "half of"


def a_page_says_that_it_holds_more_than_it_does(records: Records, chance: Random) -> None:
    """A message as it was before its edit, in an answer that is said to be newer than that."""
    message, edit = changed(records, chance, "edit")
    first = of(records, "write", id=message["id"])[0]["text"]
    live = of(records, "receive", room=message["room"], seq=message["seq"], text=first, via="live")[0]
    records.insert(records.index(live) + 1, {**live, "via": "history", "asked": live["at"], "as_of": edit["seq"]})


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
    show.update(kind="skipped", first=show["seq"], last=show["seq"], through=show["seq"], catch_up=1)


def a_client_shows_what_it_passed_over(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    show = chance.choice(of(records, "show", client=client, room=room))
    seq = show["seq"]
    skip = {**show, "kind": "skipped", "first": seq, "last": seq, "through": seq, "catch_up": 0}
    records.insert(records.index(show), skip)


def a_client_passes_over_more_than_it_says(records: Records, chance: Random) -> None:
    client, room = chance.choice(sorted(at_the_end(records))), chance.choice(ROOMS)
    this, other = chance.choice(list(pairwise(of(records, "show", client=client, room=room)))[1:-1])
    drop(records, other)
    this.update(kind="skipped", first=this["seq"], last=this["seq"], through=this["seq"], catch_up=0)


def a_client_is_told_a_change_that_it_passed_over(records: Records, chance: Random) -> None:
    show = one(records, chance, "show", "edit", "react", client="c0")
    skip = {**show, "kind": "skipped", "first": show["seq"], "last": 0, "through": show["seq"], "catch_up": 0}
    records.insert(records.index(show), skip)


def what_was_refused_for_good_is_stored(records: Records, chance: Random) -> None:
    chance.choice(of(records, "ack")).update(kind="refused", code="no_such_message")


def a_reaction_counts_twice(records: Records, chance: Random) -> None:
    """Somebody stands under an emoji two times, in the store and so with everybody."""
    reacted = [r for r in of(records, "stored") if r.get("reactions")]
    chance.choice(reacted)["reactions"][0]["users"].append("u1")


def a_client_ends_with_another_state(records: Records, chance: Random) -> None:
    message = chance.choice(held(records, chance))
    match chance.randrange(4):
        case 0:
            message["text"] = "something else"
        case 1:
            message["pinned"] = not message.pop("pinned", False)
        case 2:
            message["reactions"] = [*message.get("reactions", ()), {"emoji": "💥", "users": ["u1"]}]
        case _:
            message["what"] = "file"


def a_client_has_missed_an_edit(records: Records, chance: Random) -> None:
    client, room = chance.choice(["c0", "c1"]), chance.choice(ROOMS)
    [state] = of(records, "state", client=client, room=room)
    message = chance.choice([message for message in state["messages"] if "edited_at" in message])
    written = of(records, "stored", room=room, seq=message["seq"])[0]["id"]
    message.update(text=of(records, "write", id=written)[0]["text"], edited_at=None)


def a_client_holds_what_was_deleted(records: Records, chance: Random) -> None:
    room = chance.choice(ROOMS)
    [state] = of(records, "state", client="c0", room=room)
    chance.choice([m for m in state["messages"] if m["what"] == "deleted"]).update(what="chat", text="it is here")


def held(records: Records, chance: Random) -> Records:
    """The messages of some state that are not deleted."""
    states = [state for state in of(records, "state") if any(m["what"] == "chat" for m in state["messages"])]
    return [message for message in chance.choice(states)["messages"] if message["what"] == "chat"]


def a_deleted_text_is_shown_to_who_asks(records: Records, chance: Random) -> None:
    message, deletion = changed(records, chance, "delete")
    first = of(records, "write", id=message["id"])[0]["text"]
    live = of(records, "receive", room=message["room"], seq=message["seq"], text=first, via="live")[0]
    told = max(r["at"] for r in of(records, "ack", room=deletion["room"], id=deletion["id"]))
    records.insert(records.index(live) + 1, {**live, "via": "history", "asked": told + 0.1})


def the_text_of_an_edit_is_shown_to_who_asks_when_it_is_deleted(records: Records, chance: Random) -> None:
    message, deletion = changed(records, chance, "delete")
    told = max(r["at"] for r in of(records, "ack", room=deletion["room"], id=deletion["id"]))
    edit = {**deletion, "kind": "receive", "client": "c0", "connection": 1, "what": "edit", "text": "edited"}
    records.insert(0, {**edit, "via": "joined", "as_of": message["seq"], "asked": told + 0.1})


def a_deleted_text_is_stored(records: Records, chance: Random) -> None:
    message, _ = changed(records, chance, "delete")
    message.update(what="chat", text="still here")


def something_written_is_never_answered(records: Records, chance: Random) -> None:
    connected = at_the_end(records)
    drop(records, chance.choice([ack for ack in of(records, "ack") if ack["client"] in connected]))


def somebody_who_is_gone_is_shown(records: Records, chance: Random) -> None:
    chance.choice(of(records, "present"))["online"].append("u3")


def somebody_who_is_there_is_not_shown(records: Records, chance: Random) -> None:
    chance.choice(of(records, "present"))["online"].remove("u1")


def private(records: Records, what: str) -> Records:
    """What is stored of the private room of such a kind, in order."""
    return of(records, "stored", room=PRIVATE, what=what)


def unsay(records: Records, notice: History) -> None:
    """What stands in somebody's own log was never written there."""
    drop(records, notice)
    for later in of(records, "stored", room=notice["room"]):
        later["seq"] -= later["seq"] > notice["seq"]


def say(records: Records, notice: History) -> None:
    """Something stands in somebody's own log as well."""
    records.append({**notice, "seq": len(of(records, "stored", room=notice["room"])) + 1, "id": "~another"})


def an_invitation_is_not_noted(records: Records, chance: Random) -> None:
    unsay(records, of(records, "stored", room=own_room("u1"), what="invited")[0])


def a_removal_is_not_noted(records: Records, chance: Random) -> None:
    unsay(records, of(records, "stored", room=own_room("u2"), what="removed")[0])


def an_invitation_is_noted_twice(records: Records, chance: Random) -> None:
    say(records, of(records, "stored", room=own_room(chance.choice(["u1", "u2"])), what="invited")[0])


def a_frame_comes_after_the_removal(records: Records, chance: Random) -> None:
    said = of(records, "receive", client="c1", room=PRIVATE)[-1]
    records.append({**said, "client": "c2", "connection": of(records, "open", client="c2")[-1]["connection"]})


def an_old_page_is_shown_to_who_is_removed(records: Records, chance: Random) -> None:
    chat, removal = private(records, "chat")[0], private(records, "member")[-1]
    page = {"kind": "receive", "client": "c2", "connection": 1, "via": "history", "as_of": removal["seq"]}
    records.append({**chat, **page, "asked": 0.0, "at": records[-1]["at"] + 1})


def who_is_removed_can_join(records: Records, chance: Random) -> None:
    joined = of(records, "joined", client="c2", room=PRIVATE)[-1]
    last = max(r["seq"] for r in of(records, "stored", room=PRIVATE))
    records.append({**joined, "seq": last, "as_of": last, "stands": None})


def who_is_removed_sits_there_still(records: Records, chance: Random) -> None:
    [state] = of(records, "state", client="c1", room=PRIVATE)
    records.append({**state, "client": "c2", "stands": None, "messages": []})


def a_role_is_seen_otherwise(records: Records, chance: Random) -> None:
    state = chance.choice(of(records, "state", room=PRIVATE))
    if chance.random() < 0.5:
        state["stands"]["role"] = "member"
    else:
        state["stands"]["people"] = {**state["stands"]["people"], "u1": "member"}


def a_title_is_seen_otherwise(records: Records, chance: Random) -> None:
    chance.choice(of(records, "state", room=chance.choice([PRIVATE, *ROOMS])))["stands"]["title"] = "yet another"


def a_joined_names_other_people_than_the_log(records: Records, chance: Random) -> None:
    stands = chance.choice(of(records, "joined", room=PRIVATE))["stands"]
    stands["people"] = {**stands["people"], "u3": "member"}


def the_store_has_other_people_than_its_log(records: Records, chance: Random) -> None:
    [told] = of(records, "stands")
    told["stands"] = {**told["stands"], "people": {"u0": "owner"}}


def a_role_is_stored_as_another(records: Records, chance: Random) -> None:
    given = of(records, "write", what="role")[0]
    of(records, "stored", room=PRIVATE, id=given["id"])[0]["role"] = "owner"


def a_member_is_told_that_there_is_no_such_room(records: Records, chance: Random) -> None:
    person = {name: of(records, "state", client="c1")[-1][name] for name in ("client", "connection", "at")}
    about = {"room": PRIVATE, "id": "never"}
    records.append({**person, **about, "kind": "write", "what": "chat", "text": "text"})
    records.append({**person, **about, "kind": "refused", "code": "no_such_room"})


def a_reply_is_not_counted(records: Records, chance: Random) -> None:
    root = chance.choice([r for r in of(records, "stored") if "replies" in r])
    root["replies"]["count"] -= 1
    if not root["replies"]["count"]:
        del root["replies"]


def a_client_has_missed_a_reply(records: Records, chance: Random) -> None:
    client, room = chance.choice(["c0", "c1"]), chance.choice(ROOMS)
    [state] = of(records, "state", client=client, room=room)
    root = chance.choice([message for message in state["messages"] if "replies" in message])
    root["replies"] = {**root["replies"], "count": root["replies"]["count"] + 1}


def a_thread_says_that_another_is_its_last(records: Records, chance: Random) -> None:
    chance.choice([r for r in of(records, "stored") if "replies" in r])["replies"]["last_at"] = "later"


def a_mention_is_stored_that_nobody_wrote(records: Records, chance: Random) -> None:
    message = chance.choice(of(records, "stored", what="chat"))
    message["mentions"] = sorted({*message.get("mentions", ()), "u9"})


def an_edit_has_left_whom_the_message_called(records: Records, chance: Random) -> None:
    """In what a client holds."""
    [state] = of(records, "state", client=(client := chance.choice(["c0", "c1"])), room=chance.choice(ROOMS))
    edited = [m for m in state["messages"] if "edited_at" in m and m["what"] == "chat" and "mentions" not in m]
    assert edited, client
    chance.choice(edited)["mentions"] = ["u3"]


def called(records: Records, chance: Random, *why: str) -> History:
    """What stands in somebody's own log of a message."""
    return chance.choice([n for n in of(records, "stored", what="mention") if n["calls"]["why"] in why])


def a_call_is_not_noted(records: Records, chance: Random) -> None:
    unsay(records, called(records, chance, "mention", "reply"))


def a_call_is_noted_twice(records: Records, chance: Random) -> None:
    say(records, called(records, chance, "mention", "reply"))


def somebody_is_told_who_was_not_called(records: Records, chance: Random) -> None:
    notice = called(records, chance, "mention")
    say(records, {**notice, "room": own_room("u9")})


def somebody_is_told_of_his_own_message(records: Records, chance: Random) -> None:
    notice = called(records, chance, "mention")
    say(records, {**notice, "room": own_room(notice["sender"])})


def a_call_is_noted_as_another(records: Records, chance: Random) -> None:
    notice = called(records, chance, "mention", "reply")
    match chance.randrange(3):
        case 0:
            notice["calls"]["why"] = "direct"
        case 1:
            notice["calls"]["thread"] = 1_000
        case _:
            notice["sender"] = "u9"


def listed(records: Records, chance: Random) -> History:
    """What the list of rooms says of a room that somebody is surely in."""
    return chance.choice(of(records, "summary", room=chance.choice([*ROOMS, PRIVATE])))


def a_mention_is_counted_too_much(records: Records, chance: Random) -> None:
    listed(records, chance)["mentions"] += 1


def a_mention_is_not_counted(records: Records, chance: Random) -> None:
    chance.choice([summary for summary in of(records, "summary") if summary["mentions"]])["mentions"] -= 1


def an_unread_message_is_counted_too_much_or_not(records: Records, chance: Random) -> None:
    summary = listed(records, chance)
    summary["unread"] += -1 if summary["unread"] else 1


def a_client_counts_otherwise(records: Records, chance: Random) -> None:
    state = chance.choice([state for state in of(records, "state") if state["unread"] is not None])
    state["unread"] = {**state["unread"], chance.choice(["messages", "mentions"]): 1_000}


def somebody_has_read_further_than_he_said(records: Records, chance: Random) -> None:
    room = chance.choice(ROOMS)
    summary = of(records, "summary", user="u0", room=room)[0]
    drop(records, *(r for r in of(records, "read", room=room) if r["client"] in ("c0", "c4")))
    summary["read_seq"] = max(1, summary["read_seq"])


def a_level_is_not_kept(records: Records, chance: Random) -> None:
    summary = of(records, "summary", user="u1", room=chance.choice(ROOMS))[0]
    summary["notify"] = {"all": "none", "none": "mentions", "mentions": "all"}[summary["notify"]]


PLANTS: dict[Plant, Breach] = {
    a_reply_is_not_counted: Breach.DIVERGED,
    a_client_has_missed_a_reply: Breach.DIVERGED,
    a_thread_says_that_another_is_its_last: Breach.DIVERGED,
    a_mention_is_stored_that_nobody_wrote: Breach.DIVERGED,
    an_edit_has_left_whom_the_message_called: Breach.DIVERGED,
    a_call_is_not_noted: Breach.UNTOLD,
    a_call_is_noted_twice: Breach.DOUBLE,
    somebody_is_told_who_was_not_called: Breach.UNCALLED,
    somebody_is_told_of_his_own_message: Breach.UNCALLED,
    a_call_is_noted_as_another: Breach.UNCALLED,
    a_mention_is_counted_too_much: Breach.MISCOUNTED,
    a_mention_is_not_counted: Breach.MISCOUNTED,
    an_unread_message_is_counted_too_much_or_not: Breach.MISCOUNTED,
    a_client_counts_otherwise: Breach.MISCOUNTED,
    somebody_has_read_further_than_he_said: Breach.MISCOUNTED,
    a_level_is_not_kept: Breach.MISCOUNTED,
    an_invitation_is_not_noted: Breach.UNTOLD,
    a_removal_is_not_noted: Breach.UNTOLD,
    an_invitation_is_noted_twice: Breach.DOUBLE,
    a_frame_comes_after_the_removal: Breach.NOT_GONE,
    an_old_page_is_shown_to_who_is_removed: Breach.NOT_GONE,
    who_is_removed_can_join: Breach.NOT_GONE,
    who_is_removed_sits_there_still: Breach.NOT_GONE,
    a_role_is_seen_otherwise: Breach.DIVERGED,
    a_title_is_seen_otherwise: Breach.DIVERGED,
    a_joined_names_other_people_than_the_log: Breach.DIVERGED,
    the_store_has_other_people_than_its_log: Breach.DIVERGED,
    a_role_is_stored_as_another: Breach.LOST,
    a_member_is_told_that_there_is_no_such_room: Breach.UNSETTLED,
    an_acknowledged_message_is_missing: Breach.LOST,
    an_acknowledged_message_has_another_text: Breach.LOST,
    an_acknowledged_change_is_missing: Breach.LOST,
    an_acknowledged_change_is_stored_as_another: Breach.LOST,
    an_edit_is_stored_and_had_no_effect: Breach.LOST,
    a_number_is_left_out: Breach.HOLE,
    a_message_is_stored_twice: Breach.DOUBLE,
    a_reaction_is_stored_twice: Breach.DOUBLE,
    a_number_is_given_twice: Breach.DOUBLE,
    a_change_is_shown_twice: Breach.DOUBLE,
    a_message_is_shown_twice: Breach.DOUBLE,
    somebody_gets_two_copies: Breach.DOUBLE,
    two_members_see_two_orders: Breach.DISORDER,
    a_message_is_shown_late: Breach.DISORDER,
    a_change_is_shown_before_what_it_changes: Breach.DISORDER,
    a_live_message_comes_late: Breach.DISORDER,
    an_acknowledgement_names_another_number: Breach.DISORDER,
    a_sender_is_overtaken_by_himself: Breach.SENDER_DISORDER,
    a_message_is_seen_that_is_not_stored: Breach.UNSTORED,
    a_message_is_seen_as_it_is_not_stored: Breach.UNSTORED,
    a_page_says_that_it_holds_more_than_it_does: Breach.UNSTORED,
    a_member_lacks_the_newest: Breach.INCOMPLETE,
    a_member_lacks_one_in_the_middle: Breach.INCOMPLETE,
    a_member_sees_nothing_at_all: Breach.INCOMPLETE,
    a_client_passes_over_what_it_need_not: Breach.INCOMPLETE,
    a_client_passes_over_more_than_it_says: Breach.INCOMPLETE,
    a_client_shows_what_it_passed_over: Breach.DISORDER,
    a_client_is_told_a_change_that_it_passed_over: Breach.DISORDER,
    something_written_is_never_answered: Breach.UNSETTLED,
    what_was_refused_for_good_is_stored: Breach.UNSETTLED,
    a_reaction_counts_twice: Breach.DIVERGED,
    a_client_ends_with_another_state: Breach.DIVERGED,
    a_client_has_missed_an_edit: Breach.DIVERGED,
    a_client_holds_what_was_deleted: Breach.DIVERGED,
    a_deleted_text_is_shown_to_who_asks: Breach.NOT_GONE,
    the_text_of_an_edit_is_shown_to_who_asks_when_it_is_deleted: Breach.NOT_GONE,
    a_deleted_text_is_stored: Breach.NOT_GONE,
    somebody_who_is_gone_is_shown: Breach.GHOST,
    somebody_who_is_there_is_not_shown: Breach.UNSEEN,
}
ALONE = {
    Breach.INCOMPLETE, Breach.UNSETTLED, Breach.GHOST, Breach.UNSEEN, Breach.SENDER_DISORDER, Breach.DIVERGED,
    Breach.UNTOLD, Breach.UNCALLED,
}  # fmt: skip
"""Kinds that, planted as above, break nothing else."""


@given(seed=st.integers(0, 2**32))
def test_a_faultless_history_is_clean(seed: int) -> None:
    verdict = check(World(seed).records)
    assert verdict.findings == []
    assert verdict.is_clean
    assert verdict.acknowledged == verdict.written > 0
    assert verdict.received > verdict.stored > verdict.changes > 0


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@settings(max_examples=10)
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
    common = {"kind": "stored", "room": "r", "sender": "u", "what": "chat", "text": "", "made": ""}
    stored = [{**common, "seq": seq, "id": id} for seq, id in ((1, "b"), (2, "a"))]
    assert check([*sent, *stored]).is_clean
    without_refusal = [r for r in sent if r["kind"] != "error"][:3]
    assert check([*without_refusal, *stored]).counts[Breach.SENDER_DISORDER] == 1


def test_a_message_that_nobody_whose_history_there_is_has_written_may_have_said_anything_once() -> None:
    """Another service has posted it, and somebody has edited it since."""
    common = {"at": 1.0, "room": "r", "sender": "u", "made": "then"}
    stored = [
        {**common, "kind": "stored", "seq": 1, "id": "a", "what": "chat", "text": "today", "edited_at": "then"},
        {**common, "kind": "stored", "seq": 2, "id": "b", "what": "edit", "of": 1, "text": "today"},
    ]
    seen = {**common, "kind": "receive", "client": "c", "connection": 1, "via": "live", "asked": None, "what": "chat"}
    person = {"client": "c", "connection": 1, "kind": "open", "user": "v"}
    assert check([person, {**seen, "seq": 1, "id": "a", "as_of": 1, "text": "yesterday"}, *stored]).is_clean
    pinned = {**seen, "seq": 1, "id": "a", "as_of": 1, "text": "yesterday", "pinned": True}
    assert check([person, pinned, *stored]).counts[Breach.UNSTORED] == 1


def test_a_table_has_a_line_for_each_breach() -> None:
    table = check(World(1).records).table()
    for breach in Breach:
        assert f"{breach}".ljust(18) in table
