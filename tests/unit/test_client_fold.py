"""What a change makes of a message; tests/cases/conversation.json has more. Each effect sets something to a value."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.core.events import Change, Message, Replies, entry_of
from shared.client.core.fold import answered, fold
from tests.unit.room_server import RoomServer, some_change
from tests.witness import answer, happen

CHAT = Message("r", 1, "m", "chat", "ann", "Ann", "at 1", "text", None, reply_to=7)
SAID = CHAT._replace(edited_at="at 2", pinned=True, reactions=(("👍", ("bob",)),))


def change(kind: str, by: str = "bob", **fields: object) -> Change:
    return Change("r", 9, "c", kind, by, by, "at 9", 1)._replace(**fields)  # type: ignore[arg-type]


def test_an_edit_leaves_all_but_the_text_and_whom_it_calls() -> None:
    assert fold(SAID, change("edit", text="better")) == SAID._replace(text="better", edited_at="at 9")
    called = fold(SAID, change("edit", text="better", mentions=("eve", "bob")))
    assert called == SAID._replace(text="better", edited_at="at 9", mentions=("bob", "eve"))
    assert fold(called, change("edit", text="better")).mentions == ()


def test_an_edit_whose_text_is_gone_does_nothing() -> None:
    assert fold(SAID, change("edit")) == SAID


def test_a_deletion_leaves_who_when_and_what_was_answered() -> None:
    assert fold(SAID, change("delete")) == CHAT._replace(kind="deleted", text="")
    said = SAID._replace(thread=5, replies=Replies(2, 8, "at 8"), mentions=("bob",))
    assert fold(said, change("delete")) == CHAT._replace(
        kind="deleted", text="", thread=5, replies=Replies(2, 8, "at 8")
    )  # fmt: skip


@pytest.mark.parametrize("root", [CHAT, fold(SAID, change("delete"))], ids=["there", "deleted"])
def test_a_message_under_another_is_counted_there_once(root: Message) -> None:
    replies = [CHAT._replace(seq=seq, thread=1, at=f"at {seq}") for seq in (4, 6)]
    for _ in range(2):
        for reply in replies:
            root = answered(root, reply)
    assert root.replies == Replies(2, 6, "at 6")


def test_a_file_that_is_deleted_is_gone() -> None:
    file = CHAT._replace(kind="file", text="", file={"id": "f"})
    assert fold(file, change("delete")) == file._replace(kind="deleted", file=None)
    assert fold(file, change("edit", text="text")) == file, "it has no text"


@pytest.mark.parametrize("kind", ["edit", "delete", "react", "pin", "dance"])
def test_nothing_happens_to_a_deleted_message(kind: str) -> None:
    deleted = fold(SAID, change("delete"))
    assert fold(deleted, change(kind, text="text", emoji="👍", on=True)) == deleted


def test_a_change_that_only_a_newer_server_knows_does_nothing() -> None:
    assert fold(SAID, change("dance", on=True)) == SAID


def test_reactions_are_sorted_as_a_set_and_vanish_when_the_last_is_taken_back() -> None:
    message = CHAT
    for by, emoji, on in (("bob", "👍", True), ("ann", "❤", True), ("ann", "👍", True), ("bob", "👍", False)):
        message = fold(message, change("react", by, emoji=emoji, on=on))
    assert message.reactions == (("❤", ("ann",)), ("👍", ("ann",)))
    message = fold(message, change("react", "ann", emoji="👍"))
    assert message.reactions == (("❤", ("ann",)),)


def test_an_emoji_is_the_same_however_it_is_drawn() -> None:
    message = fold(CHAT, change("react", "ann", emoji="❤", on=True))
    message = fold(message, change("react", "bob", emoji="❤\ufe0f", on=True))
    assert message.reactions == (("❤", ("ann", "bob")),)


@given(st.integers(0, 2**32))
def test_the_fold_is_what_the_server_has_after_each_change(seed: int) -> None:
    """`happen` is the witness: the same rules, written once more."""
    chance, server = Random(seed), RoomServer()
    frame = server.append("r", "you", "m", "text")
    message = Message.of(frame)
    for n in range(30):
        kind, fields = some_change(chance, [1])
        entry = server.change("r", chance.choice(["you", "they", "others"]), f"c-{n}", kind, **fields)
        if entry is not None:
            known = server.rooms["r"][entry["seq"] - 1]
            happen(frame, known)
            happened = entry_of(known)
            assert isinstance(happened, Change)
            message = fold(message, happened)
            assert message == Message.of(frame)
            assert fold(message, happened) == message, "twice is once"
        if chance.random() < 0.3:
            reply = server.append("r", "they", f"reply-{n}", "text", thread=1)
            answer(frame, reply)
            message = answered(message, Message.of(reply))
            assert message == Message.of(frame) == Message.of(server.rooms["r"][0])
            assert answered(message, Message.of(reply)) == message, "twice is once"


def test_a_list_tells_messages_and_changes_apart() -> None:
    server = RoomServer()
    server.append("r", "you", "m", "text", reply_to=3)
    server.change("r", "you", "c", "react", 1, emoji="👍", on=True)
    message, reaction = map(entry_of, server.history({"room": "r", "after": 0, "limit": 9})["messages"])
    assert message == Message("r", 1, "m", "chat", "you", "you", "", "text", None, 3, None, False, (("👍", ("you",)),))
    assert reaction == Change("r", 2, "c", "react", "you", "you", "", 1, None, "👍", True)
