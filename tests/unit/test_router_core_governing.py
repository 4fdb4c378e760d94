"""Rooms of some: who is in them, in which role, what holds there, and what nobody else is told."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from services.router.core.changes import Changes, Item, Notify
from services.router.core.events import Informed
from services.router.core.needs import NOTHING, Older, needs
from services.router.core.room import Room
from services.router.core.step import step
from shared.protocol.bus import Access, AccessWanted, Holder, Post, Takeover
from shared.protocol.client import History
from shared.protocol.room_names import direct_room, own_room, private_room
from shared.protocol.server import StoredFile, User
from tests.contract.routing import (
    NOW_MS,
    Audience,
    chat,
    create,
    delete,
    direct,
    edit,
    give_role,
    invite,
    join,
    leave,
    pin,
    react,
    read,
    remove,
    rows_of,
    settings,
    submit,
    user,
)  # fmt: skip

ANNA, BORYS, VIRA, STRANGER = user(1), user(2), user(3), user(9)
BUDGET = private_room(ANNA.id, "new")
FILE = StoredFile(id="f1", name="кіт.png", size=3, mime="image/png", url="/api/files/f1")
Frame = dict[str, Any]
IDS = (f"id{number}" for number in count())


class Scene:
    """A room, and what is heard. `people`: whom the store knows."""

    def __init__(self, name: str = BUDGET) -> None:
        self.room, self.audience = Room(name), Audience()
        self.people = {each.id: each.name for each in (ANNA, BORYS, VIRA)}

    def run(self, *items: Item, redelivered: bool = False) -> Changes:
        items = tuple(item._replace(redelivered=redelivered) for item in items)
        wanted = needs(self.room, items, sent_back=False)
        older = NOTHING
        if wanted is not None:
            older = Older({}, {}, {id: self.people[id] for id in wanted.users if id in self.people})
        changes = step(self.room, items, NOW_MS, older=older)
        self.audience.attend(changes)
        return changes

    def heard_by(self, who: User, *kinds: str) -> list[Frame]:
        return [frame for frame in self.audience.hear(who.id) if not kinds or frame["type"] in kinds]

    def error(self, item: Item, who: User) -> str:
        """The code of the refusal: that of nothing which was written."""
        self.audience.hear(who.id)
        changes = self.run(item)
        assert not changes.writes
        assert changes.requires_version_check
        (error,) = self.heard_by(who, "error")
        return str(error["code"])

    @property
    def roles(self) -> dict[str, str | None]:
        return {id: member.role for id, member in self.room.members.items()}


@pytest.fixture
def scene() -> Scene:
    """Anna's private room, with Borys in it; both are there."""
    made = Scene()
    made.run(create(ANNA, "new", "Budget", BORYS, topic="of next year"))
    made.run(join(BUDGET, BORYS))
    made.heard_by(ANNA), made.heard_by(BORYS)
    return made


def governing(by: User) -> list[Item]:
    """One of each frame that may be sent to a room, but `join`."""
    return [
        chat(BUDGET, by, next(IDS)), edit(BUDGET, by, next(IDS), 1, "x"), delete(BUDGET, by, next(IDS), 1),
        react(BUDGET, by, next(IDS), 1, "👍"), pin(BUDGET, by, next(IDS), 1), leave(BUDGET, by),
        submit(History(type="history", room=BUDGET), by), read(BUDGET, by, 1),
        invite(BUDGET, by, next(IDS), VIRA), remove(BUDGET, by, next(IDS), BORYS),
        give_role(BUDGET, by, next(IDS), BORYS, "owner"), settings(BUDGET, by, next(IDS), title="Ours"),
    ]  # fmt: skip


# ── coming into being ──


def test_the_log_of_a_private_room_begins_with_what_it_is_and_who_is_in_it() -> None:
    scene = Scene()
    changes = scene.run(create(ANNA, "new", "Budget", BORYS, ANNA, BORYS, topic="of next year"))
    assert [json.loads(c.frame) | {"at": ""} for c in changes.changes] == [
        {"type": "change", "room": BUDGET, "seq": 1, "id": "new", "kind": "room", "from": ANNA.model_dump(), "at": "",
         "title": "Budget", "topic": "of next year"},
        {"type": "change", "room": BUDGET, "seq": 2, "id": "~member.2", "kind": "member", "from": ANNA.model_dump(),
         "at": "", "user": ANNA.model_dump(), "role": "owner"},
        {"type": "change", "room": BUDGET, "seq": 3, "id": "~member.3", "kind": "member", "from": ANNA.model_dump(),
         "at": "", "user": BORYS.model_dump(), "role": "member"},
    ]  # fmt: skip
    (joined,) = scene.heard_by(ANNA, "joined")
    assert (joined["room"], joined["ref"], joined["seq"]) == (BUDGET, "new", 3)
    assert (joined["title"], joined["topic"], joined["role"], joined["private"]) == (
        "Budget", "of next year", "owner", True,
    )  # fmt: skip
    assert joined["people"] == [{**ANNA.model_dump(), "role": "owner"}, BORYS.model_dump()]


def test_a_create_that_is_sent_again_is_the_same_room_and_says_nothing_twice(scene: Scene) -> None:
    changes = scene.run(create(ANNA, "new", "Budget", BORYS, topic="of next year"))
    assert changes.changes == []
    assert changes.notices == []
    assert [joined["seq"] for joined in scene.heard_by(ANNA, "joined")] == [3]


def test_a_create_under_the_id_of_another_is_refused(scene: Scene) -> None:
    assert scene.error(create(ANNA, "new", "Another", BORYS), ANNA) == "id_reused"
    assert scene.error(create(ANNA, "new", "Budget", VIRA, topic="of next year"), ANNA) == "id_reused"


def test_a_room_with_somebody_whom_nobody_has_seen_is_not_made() -> None:
    scene = Scene()
    assert scene.error(create(ANNA, "new", "Budget", BORYS, STRANGER), ANNA) == "no_such_user"
    assert not scene.room.exists
    scene = Scene(direct_room([ANNA.id, STRANGER.id]))
    assert scene.error(direct(ANNA, "d", STRANGER), ANNA) == "no_such_user"


def test_two_who_write_to_each_other_first_meet_in_one_room() -> None:
    first, second = direct(ANNA, "a", BORYS), direct(BORYS, "b", ANNA)
    assert first.room == second.room == direct_room([BORYS.id, ANNA.id])
    scene = Scene(first.room)
    changes = scene.run(first, second)
    assert scene.roles == {ANNA.id: None, BORYS.id: None}
    assert [(n.to, n.sender) for n in changes.notices] == [(BORYS, ANNA)]
    for who in (ANNA, BORYS):
        (joined,) = scene.heard_by(who, "joined")
        assert joined["seq"] == scene.room.seq == 2
        assert [person["id"] for person in joined["people"]] == [ANNA.id, BORYS.id]


def test_a_direct_room_of_oneself_alone_is_for_notes() -> None:
    item = direct(ANNA, "a", ANNA)
    scene = Scene(item.room)
    assert scene.run(item).notices == []
    assert scene.roles == {ANNA.id: None}
    assert not scene.run(chat(item.room, ANNA, "n", "buy milk")).notices
    assert scene.heard_by(ANNA, "message")


def test_who_is_in_a_direct_room_does_not_change() -> None:
    item = direct(ANNA, "a", BORYS)
    scene = Scene(item.room)
    scene.run(item)
    for attempt in (
        invite(item.room, ANNA, "i", VIRA), remove(item.room, ANNA, "r", BORYS), leave(item.room, ANNA),
        give_role(item.room, ANNA, "g", ANNA, "owner"), settings(item.room, ANNA, "s", title="Ours"),
    ):  # fmt: skip
        assert scene.error(attempt, ANNA) == "forbidden"


def test_a_name_of_the_server_s_own_is_not_coined() -> None:
    for name in ("~anything", BUDGET, own_room(BORYS.id)):
        scene = Scene(name)
        assert scene.error(join(name, ANNA), ANNA) == "no_such_room"
        assert not scene.room.exists


def test_whoever_brings_a_public_room_into_being_is_its_owner_and_may_go() -> None:
    scene = Scene("r")
    scene.run(join("r", ANNA), join("r", BORYS))
    assert scene.roles == {ANNA.id: "owner", BORYS.id: None}
    assert scene.heard_by(ANNA, "joined")[0]["role"] == "owner"
    assert "role" not in scene.heard_by(BORYS, "joined")[0]
    assert not scene.run(leave("r", ANNA)).changes
    assert scene.roles == {BORYS.id: None}


# ── a room that is not one's own is not there ──


@pytest.mark.parametrize("number", range(len(governing(VIRA))))
def test_who_is_not_in_a_private_room_is_told_what_is_told_of_none(scene: Scene, number: int) -> None:
    nowhere = Scene()
    for place in (scene, nowhere):
        changes = place.run(governing(VIRA)[number])
        assert not changes.writes
        assert changes.requires_version_check
    told = [place.heard_by(VIRA) for place in (scene, nowhere)]
    for frames in told:
        for frame in frames:
            frame.pop("ref", None)  # the frames have ids of their own
    assert told[0] == told[1]
    assert [frame["code"] for frame in told[0]] == ["no_such_room"]


def test_nor_by_joining_it_or_asking_for_its_files(scene: Scene) -> None:
    nowhere = Scene()
    told = []
    for place in (scene, nowhere):
        place.run(join(BUDGET, VIRA))
        wanted = AccessWanted(room=BUDGET, user=VIRA.id, reply_to="mailbox.f", ref="q")
        changes = place.run(Item(wanted), Item(Post(room=BUDGET, user=VIRA, id="p", file=FILE)))
        (access,) = [event.message for event in changes.events if isinstance(event, Informed)]
        assert access == Access(ref="q", exists=False, allowed=False)
        told.append(place.heard_by(VIRA))
    assert told[0] == told[1]
    assert scene.room.members.keys() == {ANNA.id, BORYS.id}


# ── who may what ──


def test_whoever_is_invited_is_a_member_and_finds_it_in_their_own_log(scene: Scene) -> None:
    changes = scene.run(invite(BUDGET, BORYS, "i", VIRA))
    assert scene.roles[VIRA.id] is None
    (change,) = scene.heard_by(ANNA, "change")
    assert (change["kind"], change["user"], change["role"]) == ("member", VIRA.model_dump(), "member")
    (notice,) = changes.notices
    assert (notice.to, notice.sender, notice.kind) == (VIRA, BORYS, "invited")
    assert json.loads(notice.content) == {"room": BUDGET, "title": "Budget"}
    assert scene.error(invite(BUDGET, ANNA, "j", VIRA), ANNA) == "forbidden"
    assert scene.error(invite(BUDGET, ANNA, "k", STRANGER), ANNA) == "no_such_user"


def test_an_invitation_that_comes_again_is_noticed_under_the_same_id(scene: Scene) -> None:
    (first,) = scene.run(invite(BUDGET, ANNA, "i", VIRA)).notices
    assert scene.run(invite(BUDGET, ANNA, "i", VIRA)).notices == [], "sent again by the client: it was told"
    again = scene.run(invite(BUDGET, ANNA, "i", VIRA), redelivered=True)
    assert not again.changes
    assert again.notices == [first]
    made_again = scene.run(create(ANNA, "new", "Budget", BORYS, topic="of next year"), redelivered=True)
    assert [notice.to for notice in made_again.notices] == [BORYS]


def test_whoever_is_removed_hears_it_at_once_and_nothing_after(scene: Scene) -> None:
    changes = scene.run(chat(BUDGET, ANNA, "before"), remove(BUDGET, ANNA, "r", BORYS), chat(BUDGET, ANNA, "after"))
    heard = scene.heard_by(BORYS, "message", "change", "left", "presence")
    assert [frame["type"] for frame in heard] == ["message", "left"]
    assert heard[-1]["by"] == ANNA.model_dump()
    assert [n.kind for n in changes.notices] == ["removed"]
    assert changes.members_gone == {BORYS.id}
    assert changes.subscriptions_gone == {BORYS.id}
    (change,) = scene.heard_by(ANNA, "change")
    assert change["user"] == BORYS.model_dump()
    assert "role" not in change
    assert scene.error(join(BUDGET, BORYS), BORYS) == "no_such_room"


def test_a_removal_that_comes_again_ends_what_gateways_may_still_hold(scene: Scene) -> None:
    item = remove(BUDGET, ANNA, "r", BORYS)
    step(scene.room, [item], NOW_MS)  # whoever has stored it has died before it told anybody
    assert scene.audience.subscribed["mailbox.g1"].keys() == {ANNA.id, BORYS.id}
    again = scene.run(item, redelivered=True)
    assert not again.changes
    assert [n.kind for n in again.notices] == ["removed"]
    assert scene.audience.subscribed["mailbox.g1"].keys() == {ANNA.id}
    assert [frame["type"] for frame in scene.heard_by(BORYS)] == ["left"]


@pytest.mark.parametrize("item", [remove(BUDGET, ANNA, "r", BORYS), leave(BUDGET, BORYS)], ids=["remove", "leave"])
def test_it_is_told_to_gateways_that_hold_nobody_else_s_subscriptions_too(scene: Scene, item: Item) -> None:
    step(scene.room, [item], NOW_MS)
    (gone,) = scene.run(item, redelivered=True).gone_everywhere
    assert (gone.room, gone.user) == (BUDGET, BORYS.id)
    assert scene.run(remove(BUDGET, ANNA, "r", BORYS)).gone_everywhere == [], "nobody has died"


def test_a_leave_of_a_public_room_that_comes_again_is_told_to_one_s_other_sessions() -> None:
    scene = Scene("r")
    scene.run(join("r", ANNA), join("r", BORYS), join("r", BORYS, "u2.phone"))
    step(scene.room, [leave("r", BORYS)], NOW_MS)
    scene.heard_by(BORYS), scene.audience.hear("u2.phone")
    assert scene.run(leave("r", BORYS), redelivered=True).gone_everywhere
    assert [frame["type"] for frame in scene.audience.hear("u2.phone")] == ["left"]
    assert scene.audience.subscribed["mailbox.g1"].keys() == {ANNA.id}


def test_what_became_of_somebody_since_takes_no_notice_away_and_ends_nothing_anew(scene: Scene) -> None:
    let_in, put_out = invite(BUDGET, ANNA, "i", VIRA), remove(BUDGET, ANNA, "r", VIRA)
    first = scene.run(let_in, put_out).notices
    again = scene.run(let_in, put_out, redelivered=True).notices
    assert [n.kind for n in again] == ["invited", "removed"]
    assert again == first
    scene.run(invite(BUDGET, ANNA, "j", VIRA), join(BUDGET, VIRA))
    scene.heard_by(VIRA)
    assert scene.run(put_out, redelivered=True).notices == first[1:]
    assert scene.heard_by(VIRA, "left") == [], "that was before"


def test_a_leave_that_comes_again_ends_what_its_gateway_may_still_hold(scene: Scene) -> None:
    item = leave(BUDGET, BORYS)
    step(scene.room, [item], NOW_MS)  # whoever has stored it has died before it told anybody
    again = scene.run(item, redelivered=True)
    assert not again.writes
    assert scene.audience.subscribed["mailbox.g1"].keys() == {ANNA.id}
    assert "left" in [frame["type"] for frame in scene.heard_by(BORYS)]
    stranger = scene.run(leave(BUDGET, STRANGER), redelivered=True)
    assert not stranger.writes
    assert scene.audience.subscribed["mailbox.g1"].keys() == {ANNA.id}


def test_a_gateway_that_resumes_does_not_bring_back_who_was_removed(scene: Scene) -> None:
    scene.run(remove(BUDGET, ANNA, "r", BORYS))
    held = [Holder(session=who.id, user=who) for who in (ANNA, BORYS)]
    scene.run(Item(Takeover(address="mailbox.g1", room=BUDGET, after=3, subscriptions=held)))
    assert scene.room.subscriptions.keys() == {ANNA.id}


def test_a_member_may_go_and_the_room_remembers(scene: Scene) -> None:
    scene.run(leave(BUDGET, BORYS))
    assert [f["type"] for f in scene.heard_by(BORYS, "left", "change")] == ["left"]
    (change,) = scene.heard_by(ANNA, "change")
    assert (change["from"], change["user"], change["id"]) == (BORYS.model_dump(), BORYS.model_dump(), "~left.4")
    assert scene.error(leave(BUDGET, BORYS), BORYS) == "no_such_room"


def test_a_member_may_remove_himself_and_hears_so_again(scene: Scene) -> None:
    for _ in range(2):
        scene.run(remove(BUDGET, BORYS, "r", BORYS))
        assert "change" in [frame["type"] for frame in scene.heard_by(BORYS, "change", "left", "error")]
    assert BORYS.id not in scene.room.members
    assert scene.room.seq == 4


def test_the_last_owner_cannot_go_nor_give_up_being_it(scene: Scene) -> None:
    for attempt in (
        remove(BUDGET, ANNA, "r", ANNA), leave(BUDGET, ANNA), give_role(BUDGET, ANNA, "g", ANNA, "moderator"),
    ):  # fmt: skip
        assert scene.error(attempt, ANNA) == "forbidden"
    scene.run(give_role(BUDGET, ANNA, "h", BORYS, "owner"))
    scene.run(remove(BUDGET, ANNA, "r", ANNA))
    assert scene.roles == {BORYS.id: "owner"}


MAY = [
    # what, a member, a moderator, an owner
    (lambda by: chat(BUDGET, by, next(IDS)), True, True, True),
    (lambda by: invite(BUDGET, by, next(IDS), VIRA), True, True, True),
    (lambda by: delete(BUDGET, by, next(IDS), 5), False, True, True),
    (lambda by: edit(BUDGET, by, next(IDS), 5, "x"), False, False, False),
    (lambda by: remove(BUDGET, by, next(IDS), user(4)), False, True, True),
    (lambda by: remove(BUDGET, by, next(IDS), user(5)), False, False, True),
    (lambda by: give_role(BUDGET, by, next(IDS), user(4), "moderator"), False, False, True),
    (lambda by: settings(BUDGET, by, next(IDS), title="Ours"), False, True, True),
    (lambda by: settings(BUDGET, by, next(IDS), posting="moderators"), False, False, True),
    (lambda by: settings(BUDGET, by, next(IDS), archived=True), False, False, True),
]


@pytest.mark.parametrize("what", MAY, ids=range(len(MAY)))
@pytest.mark.parametrize("role", ["member", "moderator", "owner"])
def test_each_role_may_what_the_table_says(scene: Scene, what: Any, role: str) -> None:
    """The message 5 is Anna's; the user 4 is a member, the user 5 a moderator."""
    make, *may = what
    scene.people |= {user(number).id: user(number).name for number in (4, 5)}
    scene.run(invite(BUDGET, ANNA, "i4", user(4)), chat(BUDGET, ANNA, "m"), invite(BUDGET, ANNA, "i5", user(5)))
    scene.run(give_role(BUDGET, ANNA, "g5", user(5), "moderator"))
    if role != "member":
        scene.run(give_role(BUDGET, ANNA, "g", BORYS, role))  # type: ignore[arg-type]
    if may[("member", "moderator", "owner").index(role)]:
        assert scene.run(make(BORYS)).writes
    else:
        assert scene.error(make(BORYS), BORYS) == "forbidden"


def test_where_only_moderators_write_a_member_reads_and_reacts(scene: Scene) -> None:
    scene.run(settings(BUDGET, ANNA, "s", posting="moderators", invites="moderators"), chat(BUDGET, ANNA, "m"))
    assert scene.error(chat(BUDGET, BORYS, "n"), BORYS) == "forbidden"
    assert (
        scene.error(
            Item(Post(room=BUDGET, user=BORYS, id="p", file=FILE, session=BORYS.id, address="mailbox.g1")), BORYS
        )
        == "forbidden"
    )
    assert scene.error(invite(BUDGET, BORYS, "i", VIRA), BORYS) == "forbidden"
    assert scene.run(react(BUDGET, BORYS, "r", 5, "👍")).changes


def test_in_an_archived_room_nothing_is_written_until_it_is_opened_again(scene: Scene) -> None:
    scene.run(chat(BUDGET, ANNA, "m"), settings(BUDGET, ANNA, "s", archived=True))
    for attempt in (
        chat(BUDGET, ANNA, "n"), edit(BUDGET, ANNA, "e", 4, "x"), delete(BUDGET, ANNA, "d", 4),
        react(BUDGET, ANNA, "r", 4, "👍"), pin(BUDGET, ANNA, "p", 4), invite(BUDGET, ANNA, "i", VIRA),
    ):  # fmt: skip
        assert scene.error(attempt, ANNA) == "forbidden"
    assert scene.run(leave(BUDGET, BORYS)).changes, "one may still go"
    scene.run(settings(BUDGET, ANNA, "t", archived=False))
    assert scene.run(chat(BUDGET, ANNA, "n")).messages
    assert scene.room.rules.told() == {"title": "Budget", "topic": "of next year"}


def test_what_is_set_is_told_alone_and_an_empty_topic_is_none(scene: Scene) -> None:
    scene.run(settings(BUDGET, ANNA, "s", topic=""))
    (change,) = scene.heard_by(BORYS, "change")
    assert {name: change[name] for name in change.keys() - {"type", "room", "seq", "id", "from", "at"}} == {
        "kind": "room", "topic": "",
    }  # fmt: skip
    scene.run(join(BUDGET, BORYS))
    assert "topic" not in scene.heard_by(BORYS, "joined")[0]


def test_a_change_of_a_room_sent_again_is_the_same_entry_and_under_its_id_nothing_else_goes(scene: Scene) -> None:
    scene.run(settings(BUDGET, ANNA, "s", title="Ours"))
    assert not scene.run(settings(BUDGET, ANNA, "s", title="Ours")).changes
    assert scene.error(settings(BUDGET, ANNA, "s", title="Theirs"), ANNA) == "id_reused"
    assert scene.error(give_role(BUDGET, ANNA, "s", BORYS, "owner"), ANNA) == "id_reused"
    assert scene.error(chat(BUDGET, ANNA, "s"), ANNA) == "id_reused"


# ── one's own log ──


def told(scene: Scene, room: str = BUDGET) -> Item:
    (notice,) = scene.run(invite(BUDGET, ANNA, "i", VIRA)).notices
    return Item(notice)


def test_one_s_own_log_begins_with_the_first_that_happens(scene: Scene) -> None:
    item = told(scene)
    own = Scene(own_room(VIRA.id))
    own.run(item)
    assert own.roles == {VIRA.id: None}
    own.run(join(own.room.name, VIRA))
    (joined,) = own.heard_by(VIRA, "joined")
    (message,) = joined["messages"]
    assert (message["kind"], message["from"], message["about"]) == (
        "invited", ANNA.model_dump(), {"room": BUDGET, "title": "Budget"},
    )  # fmt: skip


def test_what_is_noticed_again_stands_there_once(scene: Scene) -> None:
    item = told(scene)
    own = Scene(own_room(VIRA.id))
    own.run(join(own.room.name, VIRA))
    own.heard_by(VIRA)
    for _ in range(3):
        own.run(item)
    assert own.room.seq == 1
    assert [frame["seq"] for frame in own.heard_by(VIRA, "message")] == [1]


def test_one_s_own_log_is_nobody_else_s_and_nobody_writes_there() -> None:
    own = Scene(own_room(VIRA.id))
    own.run(join(own.room.name, VIRA))
    assert own.heard_by(VIRA, "joined")[0]["people"] == [VIRA.model_dump()]
    assert own.error(join(own.room.name, ANNA), ANNA) == "no_such_room"
    for attempt in (
        chat(own.room.name, VIRA, "n"), invite(own.room.name, VIRA, "i", ANNA), leave(own.room.name, VIRA),
        settings(own.room.name, VIRA, "s", title="Mine"),
    ):  # fmt: skip
        assert own.error(attempt, VIRA) == "forbidden"


def test_who_has_another_name_by_now_keeps_the_role(scene: Scene) -> None:
    renamed = User(id=ANNA.id, name="Hanna")
    scene.run(join(BUDGET, renamed, "u1.phone"))
    assert scene.room.members[ANNA.id].name == "Hanna"
    assert scene.roles[ANNA.id] == "owner"


def test_the_room_in_memory_is_what_its_rows_say(scene: Scene) -> None:
    before = rows_of(scene.room)
    assert before["rules"].title == "Budget"
    assert before["members"][ANNA.id][2] == "owner"


def test_a_notice_is_an_entry_that_is_known_again() -> None:
    notice = Notify(to=VIRA, sender=ANNA, id="~1", kind="invited", content='{"room":"r"}')
    assert Item(notice).room == own_room(VIRA.id)
    assert Item(notice).idempotency_key == (ANNA.id, "~1")
