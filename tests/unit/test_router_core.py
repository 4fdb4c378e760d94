"""What each frame does to a room: docs/protocol.md's rules, on the pure core."""

from __future__ import annotations

from typing import Any

import pytest

from services.router.core.changes import Changes, CrowdDue, Gone, Item
from services.router.core.entries import stored
from services.router.core.room import Room
from services.router.core.step import step
from shared.protocol.bus import AccessWanted, Holder, Post, Takeover
from shared.protocol.client import History, Typing
from shared.protocol.server import StoredFile, User
from tests.contract.routing import (
    NOW_MS,
    Audience,
    chat,
    deep_page,
    join,
    leave,
    outs_of,
    read,
    submit,
    unsubscribe,
    user,
)

ANNA, BORYS, VIRA = user(1), user(2), user(3)
FILE = StoredFile(id="f1", name="a.png", size=3, mime="image/png", url="/api/files/f1")


class Scene:
    """A room, and what its people hear."""

    def __init__(self, *present: User) -> None:
        self.room, self.audience, self.changes = Room("r"), Audience(), Changes("r", False, 0, 0)
        for someone in present:
            self.run(join("r", someone))
        self.forget()

    def run(self, *items: Item) -> Changes:
        self.changes = step(self.room, items, NOW_MS)
        self.audience.attend(self.changes)
        return self.changes

    def forget(self) -> None:
        self.audience._heard.clear()

    def hear(self, who: User | str) -> list[dict[str, Any]]:
        return self.audience.hear(who if isinstance(who, str) else who.id)

    def told(self, who: User | str, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.hear(who) if frame["type"] == kind]

    def error(self, who: User | str) -> tuple[str, str | None]:
        (frame,) = self.hear(who)
        assert frame["type"] == "error"
        return frame["code"], frame.get("ref")


def history(by: User, ref: str | None = None, bounds: dict[str, int] | None = None) -> Item:
    return submit(History.model_validate({"type": "history", "room": "r", "ref": ref, **(bounds or {})}), by)


def typing(by: User, session: str = "") -> Item:
    return submit(Typing(type="typing", room="r"), by, session)


def posted(
    by: User, id: str = "p1", file: StoredFile = FILE, session: str | None = None, ref: str | None = None
) -> Item:
    address = None if session is None else "mailbox.g1"
    return Item(Post(room="r", user=by, id=id, file=file, session=session, address=address, ref=ref))


def again(item: Item) -> Item:
    return item._replace(redelivered=True)


def talk(scene: Scene, by: User, count: int) -> None:
    first = scene.room.seq + 1
    scene.run(*(chat("r", by, f"id{number}", f"text {number}") for number in range(first, first + count)))
    scene.forget()


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["seq"] for frame in frames]


# ── messages ──


def test_messages_are_numbered_in_the_order_in_which_they_came_and_all_hear_them_so() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(chat("r", ANNA, "a"), chat("r", BORYS, "b"), chat("r", ANNA, "c"))
    for someone in (ANNA, BORYS):
        heard = scene.told(someone, "message")
        assert [(m["seq"], m["id"], m["from"]["id"]) for m in heard] == [(1, "a", "u1"), (2, "b", "u2"), (3, "c", "u1")]


def test_the_sender_s_own_copy_is_the_acknowledgement_and_bears_the_ref() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(chat("r", ANNA, "a", ref="x"))
    (own,), (theirs,) = scene.hear(ANNA), scene.hear(BORYS)
    assert own == {**theirs, "ref": "x"}


def test_a_message_is_told_only_with_the_row_that_stores_it() -> None:
    scene = Scene(ANNA)
    changes = scene.run(chat("r", ANNA, "a", "hi"))
    assert [(m.seq, m.sender_id, m.id, m.kind, m.content, m.at_ms) for m in changes.messages] == [
        (1, "u1", "a", "chat", "hi", NOW_MS)
    ]
    assert (changes.seq_before, changes.seq, changes.version_before, changes.version) == (0, 1, 1, 1)


def test_a_retried_chat_keeps_its_seq_and_only_its_sender_hears_it_again() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(chat("r", ANNA, "a"), chat("r", ANNA, "b"))
    scene.forget()
    changes = scene.run(chat("r", ANNA, "a", ref="x"))
    assert [(m["seq"], m["ref"]) for m in scene.hear(ANNA)] == [(1, "x")]
    assert scene.hear(BORYS) == []
    assert not changes.writes
    assert changes.requires_version_check


def test_a_chat_twice_in_one_batch_is_one_message() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(chat("r", ANNA, "a"), chat("r", ANNA, "a"))
    assert numbers(scene.told(BORYS, "message")) == [1]
    assert (scene.room.seq, len(scene.changes.messages)) == (1, 1)


def test_a_retry_from_another_session_is_answered_there() -> None:
    scene = Scene(ANNA)
    scene.run(chat("r", ANNA, "a"))
    scene.forget()
    scene.run(chat("r", ANNA, "a", session="other"))
    assert numbers(scene.hear("other")) == [1]
    assert scene.hear(ANNA) == []


def test_the_same_id_with_other_content_is_refused() -> None:
    scene = Scene(ANNA)
    scene.run(chat("r", ANNA, "a", "one"))
    scene.forget()
    changes = scene.run(chat("r", ANNA, "a", "two"))
    assert scene.error(ANNA) == ("id_reused", "a")
    assert not changes.writes
    scene.run(chat("r", ANNA, "a", "two", ref="x"))
    assert scene.error(ANNA) == ("id_reused", "x")


def test_a_file_s_id_is_not_reused_by_a_chat() -> None:
    scene = Scene(ANNA)
    scene.run(posted(ANNA, "a"))
    scene.forget()
    scene.run(chat("r", ANNA, "a", "two"))
    assert scene.error(ANNA) == ("id_reused", "a")


def test_the_same_id_of_two_senders_is_two_messages() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(chat("r", ANNA, "a"), chat("r", BORYS, "a"))
    assert scene.room.seq == 2


def test_a_redelivered_chat_is_fanned_out_again_and_its_sender_hears_it_once() -> None:
    scene = Scene(ANNA, BORYS)
    lost = step(scene.room, [chat("r", ANNA, "a"), chat("r", ANNA, "b")], NOW_MS)  # stored, and its router died
    assert len(lost.messages) == 2
    changes = scene.run(again(chat("r", ANNA, "a")), again(chat("r", ANNA, "b")))
    assert changes.messages == []
    assert numbers(scene.hear(BORYS)) == [1, 2]
    assert numbers(scene.hear(ANNA)) == [1, 2]


def test_who_has_heard_a_redelivered_chat_does_not_hear_it_again() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(chat("r", ANNA, "a"))
    assert numbers(scene.hear(BORYS)) == [1]
    scene.run(again(chat("r", ANNA, "a")))
    assert scene.hear(BORYS) == []


def test_a_member_without_a_subscription_may_send_and_hears_its_own_copy() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(unsubscribe("r", ANNA.id))
    scene.run(chat("r", ANNA, "a", session="elsewhere"))
    assert numbers(scene.told("elsewhere", "message")) == [1]
    assert numbers(scene.told(BORYS, "message")) == [1]


QUESTIONS = [chat("r", VIRA, "i"), history(VIRA), typing(VIRA), read("r", VIRA, 1)]


@pytest.mark.parametrize("item", QUESTIONS, ids=lambda i: i.message.frame.type)
def test_who_has_not_joined_is_refused_and_nothing_is_done(item: Item) -> None:
    scene = Scene(ANNA)
    changes = scene.run(item)
    assert scene.error(VIRA)[0] == "not_joined"
    assert scene.hear(ANNA) == []
    assert (changes.writes, changes.requires_version_check) == (False, True)


@pytest.mark.parametrize("item", [*QUESTIONS, leave("r", VIRA)], ids=lambda i: i.message.frame.type)
def test_in_a_room_that_nobody_has_named_there_is_nothing_to_do(item: Item) -> None:
    scene = Scene()
    changes = scene.run(item)
    assert scene.error(VIRA)[0] == "no_such_room"
    assert (changes.writes, changes.requires_version_check, scene.room.exists) == (False, True, False)


def test_a_posted_file_is_a_message_of_its_kind() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(posted(ANNA))
    (message,) = scene.told(BORYS, "message")
    assert (message["kind"], message["seq"], message["id"]) == ("file", 1, "p1")
    assert message["file"] == {"id": "f1", "name": "a.png", "size": 3, "mime": "image/png", "url": "/api/files/f1"}
    assert scene.told(ANNA, "message") == [message], "who sent it over HTTP hears it like all others"


def test_a_file_frame_s_sender_hears_its_own_copy_which_settles_the_frame() -> None:
    scene = Scene(ANNA, BORYS)
    changes = scene.run(posted(ANNA, session=ANNA.id, ref="x"))
    (own,) = scene.told(ANNA, "message")
    assert own["ref"] == "x"
    assert any(b'"answers":"p1"' in out.part for out in outs_of(changes))
    assert numbers(scene.told(BORYS, "message")) == [1]


def test_a_file_that_is_posted_twice_is_one_message() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(posted(ANNA), again(posted(ANNA)))
    assert numbers(scene.told(BORYS, "message")) == [1]


def test_a_file_of_one_who_is_no_member_is_refused_and_the_frame_is_settled() -> None:
    scene = Scene(ANNA)
    changes = scene.run(posted(VIRA, session="v"))
    assert scene.error("v") == ("not_joined", "p1")
    assert any(b'"answers":"p1"' in out.part for out in outs_of(changes))


# ── joining and leaving ──


def test_a_join_shows_who_is_online_and_the_last_fifty() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 60)
    scene.run(join("r", BORYS))
    (joined,) = scene.told(BORYS, "joined")
    assert (joined["seq"], joined["members"], joined["more"]) == (60, 2, True)
    assert [u["id"] for u in joined["online"]] == ["u1", "u2"]
    assert numbers(joined["messages"]) == list(range(11, 61))


@pytest.mark.parametrize(("count", "more"), [(0, False), (1, False), (50, False), (51, True)])
def test_a_join_says_whether_there_is_more_before(count: int, more: bool) -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, count)
    scene.run(join("r", BORYS))
    (joined,) = scene.told(BORYS, "joined")
    assert (len(joined["messages"]), joined["more"]) == (min(count, 50), more)


def test_a_join_with_after_shows_what_came_after_it() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 10)
    for after, expected in ((7, [8, 9, 10]), (10, []), (0, list(range(1, 11))), (99, [])):
        scene.run(join("r", BORYS, after=after))
        (joined,) = scene.told(BORYS, "joined")
        assert (numbers(joined["messages"]), joined["more"]) == (expected, False)


def test_a_join_after_a_long_absence_asks_for_a_page_and_goes_on_from_memory() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 250)
    changes = scene.run(join("r", BORYS, after=20))
    assert [s.frame.type for s in changes.reads] == ["join"]
    assert scene.told(BORYS, "joined") == []
    page = [stored("r", n, "u1", ANNA.name, f"id{n}", "chat", f"text {n}", NOW_MS) for n in range(21, 221)]
    scene.run(deep_page(join("r", BORYS, after=20), page))
    (joined,) = scene.told(BORYS, "joined")
    assert (numbers(joined["messages"]), joined["more"], joined["seq"]) == (list(range(21, 221)), True, 250)


def test_a_page_that_is_older_than_the_room_is_completed_from_memory() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 250)
    page = [stored("r", n, "u1", ANNA.name, f"id{n}", "chat", f"text {n}", NOW_MS) for n in range(45, 241)]
    scene.run(join("r", BORYS, after=44))
    scene.run(deep_page(join("r", BORYS, after=44), page))
    (joined,) = scene.told(BORYS, "joined")
    assert (numbers(joined["messages"]), joined["more"]) == (list(range(45, 245)), True)


def test_what_follows_a_join_that_reads_from_the_store_is_not_refused() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 250)
    scene.run(join("r", BORYS, after=20), chat("r", BORYS, "i"))
    assert numbers(scene.told(BORYS, "message")) == [251]


def test_after_a_join_each_message_follows_without_a_gap() -> None:
    scene = Scene(ANNA)
    scene.run(chat("r", ANNA, "a"), join("r", BORYS), chat("r", ANNA, "b"))
    joined, message = scene.hear(BORYS)
    assert (joined["type"], joined["seq"], message["seq"]) == ("joined", 1, 2)


def test_a_new_member_has_read_what_was_there() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 5)
    scene.run(join("r", BORYS))
    assert scene.room.members["u2"].read_seq == 5


def test_a_leave_ends_the_membership_on_all_sessions() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(join("r", ANNA, "phone", "mailbox.g2"))
    scene.forget()
    changes = scene.run(submit(leave("r", ANNA).message.frame.model_copy(update={"ref": "x"}), ANNA))  # type: ignore[union-attr]
    assert scene.told(ANNA, "left") == [{"type": "left", "room": "r", "ref": "x"}]
    assert scene.told("phone", "left") == [{"type": "left", "room": "r"}]
    assert scene.audience.subscribed["mailbox.g2"] == {}
    assert (changes.members_gone, changes.subscriptions_gone) == ({"u1"}, {"u1", "phone"})
    scene.run(chat("r", BORYS, "a"))
    assert (scene.hear(ANNA), scene.hear("phone")) == ([], [])


def test_a_leave_by_one_who_is_no_member_is_answered_all_the_same() -> None:
    scene = Scene(ANNA)
    changes = scene.run(leave("r", VIRA))
    assert scene.hear(VIRA) == [{"type": "left", "room": "r"}]
    assert not changes.writes


def test_a_closed_connection_leaves_a_member_offline() -> None:
    scene = Scene(ANNA, BORYS)
    changes = scene.run(unsubscribe("r", ANNA.id))
    assert (set(scene.room.members), scene.room.online) == ({"u1", "u2"}, 1)
    assert changes.subscriptions_gone == {"u1"}
    (presence,) = scene.hear(BORYS)
    assert (presence["user"]["id"], presence["online"], presence["members"]) == ("u1", False, 1)


def test_an_unsubscribe_by_an_old_address_does_nothing_but_is_checked() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(join("r", ANNA, address="mailbox.g1.2"))
    changes = scene.run(unsubscribe("r", ANNA.id, "mailbox.g1"))
    assert scene.room.subscriptions["u1"].address == "mailbox.g1.2"
    assert (changes.writes, changes.requires_version_check) == (False, True)


def test_a_gateway_that_is_gone_ends_all_its_subscriptions() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(join("r", VIRA, address="mailbox.g2"), join("r", BORYS, "phone", "mailbox.g2"))
    scene.forget()
    scene.run(Item(Gone(room="r", address="mailbox.g2")))
    assert set(scene.room.subscriptions) == {"u1", "u2"}
    assert [(p["user"]["id"], p["online"]) for p in scene.told(ANNA, "presence")] == [("u3", False)]


# ── presence, typing, read marks ──


def test_presence_is_one_per_user_not_per_session() -> None:
    scene = Scene(ANNA)
    scene.run(join("r", BORYS), join("r", BORYS, "phone"), unsubscribe("r", BORYS.id))
    assert [(p["online"], p["members"]) for p in scene.told(ANNA, "presence")] == [(True, 2)]
    scene.run(unsubscribe("r", "phone"))
    assert [(p["online"], p["members"]) for p in scene.told(ANNA, "presence")] == [(False, 1)]


def test_who_joins_again_is_not_announced_again() -> None:
    scene = Scene(ANNA, BORYS)
    changes = scene.run(join("r", BORYS))
    assert scene.hear(ANNA) == []
    assert not changes.writes


def crowd(online: int) -> Scene:
    return Scene(*(user(number) for number in range(online)))


def test_a_room_of_a_hundred_tells_who_and_a_larger_one_only_how_many() -> None:
    scene = crowd(99)
    changes = scene.run(join("r", user(200)))
    assert [p["user"]["id"] for p in scene.told(user(0), "presence")] == ["u200"]
    assert not changes.crowd_changed
    changes = scene.run(join("r", user(201)))
    assert scene.told(user(0), "presence") == []
    assert changes.crowd_changed
    scene.run(Item(CrowdDue(room="r")))
    assert scene.hear(user(0)) == [{"type": "presence", "room": "r", "members": 101}]


def test_a_join_of_a_crowd_shows_a_hundred_and_their_number() -> None:
    scene = crowd(120)
    scene.run(join("r", user(0), "phone"))
    (joined,) = scene.told("phone", "joined")
    assert (len(joined["online"]), joined["members"]) == (100, 120)


def test_typing_reaches_the_others_and_stores_nothing() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(join("r", ANNA, "phone"))
    scene.forget()
    changes = scene.run(typing(ANNA))
    assert scene.hear(BORYS) == [{"type": "typing", "room": "r", "user": {"id": "u1", "name": ANNA.name}}]
    assert scene.hear(ANNA) == []
    assert not changes.writes


def test_typing_is_dropped_in_a_crowd_and_when_it_is_old() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(again(typing(ANNA)))
    assert scene.hear(BORYS) == []
    large = crowd(101)
    large.run(typing(user(0)))
    assert large.hear(user(1)) == []


def test_a_read_mark_is_told_only_goes_forward_and_never_beyond_the_newest() -> None:
    scene = Scene(ANNA, BORYS)
    talk(scene, ANNA, 5)
    changes = scene.run(read("r", BORYS, 3))
    assert changes.read_marks == {"u2": 3}
    assert scene.hear(ANNA) == [{"type": "read", "room": "r", "user": {"id": "u2", "name": BORYS.name}, "seq": 3}]
    for seq in (3, 2, 0):
        assert not scene.run(read("r", BORYS, seq)).writes
    assert scene.hear(ANNA) == []
    scene.run(read("r", BORYS, 99))
    assert [(f["type"], f["seq"]) for f in scene.hear(ANNA)] == [("read", 5)]


def test_in_a_crowd_a_read_mark_is_told_to_its_user_s_own_sessions() -> None:
    scene = crowd(101)
    scene.run(join("r", user(0), "phone"), chat("r", user(1), "a"))
    scene.forget()
    scene.run(read("r", user(0), 1))
    assert [f["seq"] for f in scene.hear(user(0)) + scene.hear("phone")] == [1, 1]
    assert scene.hear(user(1)) == []


# ── reading back ──


@pytest.mark.parametrize(
    ("bounds", "expected", "more"),
    [
        ({}, list(range(201, 251)), True),
        ({"limit": 2}, [249, 250], True),
        ({"before": 250, "limit": 2}, [248, 249], True),
        ({"before": 9_999, "limit": 1}, [250], True),
        ({"before": 1}, [], False),
        ({"before": 0}, [], False),
        ({"after": 247}, [248, 249, 250], False),
        ({"after": 240, "limit": 3}, [241, 242, 243], True),
        ({"after": 250}, [], False),
        ({"after": 9_999}, [], False),
        ({"after": 50, "limit": 200}, list(range(51, 251)), False),
    ],
    ids=str,
)
def test_recent_history_comes_from_memory(bounds: dict[str, int], expected: list[int], more: bool) -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 250)
    changes = scene.run(history(ANNA, "x", bounds))
    (page,) = scene.hear(ANNA)
    assert (page["type"], page["ref"], numbers(page["messages"]), page["more"]) == ("history", "x", expected, more)
    assert changes.requires_version_check
    assert not changes.reads


@pytest.mark.parametrize(
    "bounds", [{"before": 51}, {"before": 60}, {"after": 49}, {"after": 0, "limit": 1}, {"before": 2}], ids=str
)
def test_older_history_is_read_from_the_store(bounds: dict[str, int]) -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 250)
    changes = scene.run(history(ANNA, bounds=bounds))
    assert [s.frame.type for s in changes.reads] == ["history"]
    assert scene.hear(ANNA) == []


def test_the_first_message_of_a_short_room_is_in_memory() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 3)
    scene.run(history(ANNA, bounds={"before": 3, "limit": 200}))
    (page,) = scene.hear(ANNA)
    assert (numbers(page["messages"]), page["more"]) == ([1, 2], False)


# ── gateways and services ──


def resume(after: int, *holders: User, address: str = "mailbox.g1.2") -> Item:
    subscriptions = [Holder(session=who.id, user=who) for who in holders]
    return Item(Takeover(address=address, room="r", after=after, subscriptions=subscriptions))


def test_a_resumed_gateway_gets_what_it_missed_as_one_fan_out() -> None:
    scene = Scene(ANNA, BORYS)
    talk(scene, BORYS, 5)
    changes = scene.run(resume(2, ANNA))
    assert numbers(scene.told(ANNA, "message")) == [3, 4, 5]
    assert sum(b'"fanout"' in out.part and b'"first":3' in out.part for out in outs_of(changes)) == 1
    assert changes.subscriptions["u1"].address == "mailbox.g1.2"
    assert scene.told(BORYS, "presence") == [], "nobody was away"


@pytest.mark.parametrize("late", ["resume", "join"])
def test_a_subscription_stays_where_its_gateway_last_said_however_late_an_earlier_word_of_it_comes(late: str) -> None:
    scene = Scene(BORYS)
    scene.run(resume(0, ANNA, address="mailbox.g1.10"), join("r", ANNA, address="mailbox.g1.10"))
    said = resume(0, ANNA, address="mailbox.g1.9") if late == "resume" else join("r", ANNA, address="mailbox.g1.9")
    scene.run(again(said))
    assert scene.room.subscriptions[ANNA.id].address == "mailbox.g1.10"
    scene.run(Item(Gone(room="r", address="mailbox.g1.9")))
    assert ANNA.id in scene.room.subscriptions


def test_a_session_that_heard_it_was_gone_hears_that_it_is_back_when_its_join_comes_again() -> None:
    scene = Scene(BORYS, ANNA)
    scene.run(unsubscribe("r", ANNA.id), join("r", ANNA))
    assert [frame["online"] for frame in scene.told(ANNA, "presence") if frame["user"]["id"] == ANNA.id][-1] is True


def test_another_gateway_s_word_counts_whatever_its_number() -> None:
    scene = Scene(BORYS)
    scene.run(join("r", ANNA, address="mailbox.g1.10"), join("r", ANNA, address="mailbox.g2.1"))
    assert scene.room.subscriptions[ANNA.id].address == "mailbox.g2.1"


def test_a_resume_from_too_long_ago_shows_the_newest_so_that_the_gap_is_seen() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 250)
    scene.run(resume(3, ANNA))
    assert numbers(scene.told(ANNA, "message")) == [250]


def test_a_resumed_gateway_learns_who_came_and_went_meanwhile() -> None:
    scene = Scene(ANNA, BORYS, VIRA)
    scene.run(unsubscribe("r", BORYS.id))
    scene.forget()
    scene.run(resume(0, ANNA))
    (told,) = scene.told(ANNA, "presence")
    assert (told["members"], sorted(person["id"] for person in told["present"])) == (2, ["u1", "u3"])


def test_who_leaves_while_a_deep_join_is_read_is_not_seated_after_all() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 250)
    deep = join("r", BORYS, after=1)
    scene.run(deep, leave("r", BORYS))
    scene.forget()
    scene.run(deep_page(deep, []))
    assert scene.error(BORYS)[0] == "not_joined"
    assert BORYS.id not in scene.room.members


def test_a_resumed_session_whose_membership_has_ended_is_told() -> None:
    scene = Scene(ANNA, BORYS)
    scene.run(leave("r", ANNA, "another session"))
    scene.forget()
    scene.run(resume(0, ANNA, BORYS))
    assert scene.told(ANNA, "left") == [{"type": "left", "room": "r"}]
    assert set(scene.room.subscriptions) == {"u2"}


def test_a_gateway_that_had_more_than_the_log_holds_is_told_where_it_ends_and_subscribes_nobody() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 5)
    changes = scene.run(resume(11, ANNA, BORYS))
    assert [(out.to.addresses, out.part) for out in outs_of(changes)] == [
        (("mailbox.g1.2",), b'{"type":"rewound","room":"r","seq":5}')
    ]
    assert changes.requires_version_check, "or a room that is out of date would say so of a store that is not"
    assert not changes.writes


def test_a_gateway_that_had_all_that_the_log_holds_is_told_of_no_end() -> None:
    scene = Scene(ANNA)
    talk(scene, ANNA, 5)
    assert all(b"rewound" not in out.part for out in outs_of(scene.run(resume(5, ANNA))))


@pytest.mark.parametrize(("who", "allowed"), [("u1", True), ("u3", False)])
def test_access_is_for_members(who: str, allowed: bool) -> None:
    scene = Scene(ANNA)
    changes = scene.run(Item(AccessWanted(room="r", user=who, reply_to="mailbox.f", ref="x")))
    (out,) = outs_of(changes)
    assert out.to.addresses == ("mailbox.f",)
    assert (b'"exists":true' in out.part, b'"allowed":true' in out.part) == (True, allowed)
    assert changes.requires_version_check


def test_a_room_that_nobody_has_named_gives_no_access() -> None:
    changes = Scene().run(Item(AccessWanted(room="r", user="u1", reply_to="mailbox.f", ref="x")))
    assert b'"exists":false' in outs_of(changes)[0].part


def test_one_fan_out_goes_to_each_gateway_however_many_sit_there() -> None:
    scene = crowd(30)
    scene.run(join("r", VIRA, "v", "mailbox.g2"))
    changes = scene.run(*(chat("r", VIRA, f"id{n}", session="v") for n in range(10)))
    (out,) = outs_of(changes)
    assert (sorted(out.to.addresses), len(out.payload)) == (["mailbox.g1", "mailbox.g2"], 10)
