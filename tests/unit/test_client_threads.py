"""Threads and mentions as a session has them: written, sent again, read, and told in one's own log."""

from __future__ import annotations

from typing import Any

from shared.client.core.backfill import page_of
from shared.client.core.events import About, Arrived, ClientError, JsonFrame, Message, Refused, Replies
from tests.unit.test_client_session import World, calm, joined, same, talked


def chat(world: World, id: str, **said: Any) -> None:
    world.session.outbox.write({"type": "chat", "room": "r", "id": id, "text": id, **said})


def message(world: World, seq: int) -> Message:
    found = world.session.rooms["r"].log.message(seq)
    assert found is not None
    return found


def test_a_message_in_a_thread_comes_with_its_root_which_counts_it() -> None:
    world = talked(2)
    chat(world, "w", thread=1)
    world.settle()
    reply, root = message(world, 3), message(world, 1)
    assert (reply.thread, root.replies) == (1, Replies(1, 3, reply.at))
    assert [e for e in world.events if isinstance(e, Arrived)][-1] == Arrived(reply, root)
    same(world, "r")


def test_a_message_under_one_that_is_not_held_comes_without_it() -> None:
    world = calm(catch_up=0)
    for n in range(60):
        world.say("r", "you", f"o-{n}")
    joined(world, "r")
    chat(world, "w", thread=1)
    world.settle()
    assert [e for e in world.events if isinstance(e, Arrived)][-1] == Arrived(message(world, 61), None)


def test_what_is_sent_again_says_the_same_under_the_same_id() -> None:
    world = talked(2)
    chat(world, "w", thread=1, mentions=["you"], reply_to=2)
    world.session.outbox.write({"type": "edit", "room": "r", "id": "e", "of": 2, "text": "b", "mentions": ["they"]})
    sent = world.up.popleft()
    world.cut()
    world.connect()
    world.settle()
    again = [frame for frame in world.handled if frame.get("id") == "w"]
    assert again == [sent]
    assert (sent["thread"], sent["mentions"], sent["reply_to"]) == (1, ["you"], 2)
    assert message(world, 3).mentions == ("you",)
    assert message(world, 2).mentions == ("they",)
    same(world, "r")


def test_threads_of_a_store_that_went_back_are_not_written_in() -> None:
    world = talked(2)
    world.cut()
    chat(world, "under", thread=2)
    chat(world, "plain", mentions=["you"])
    world.server.rooms["r"].clear()
    world.server.epoch = "e-2"
    world.connect()
    world.settle()
    refused = world.outcomes["under"]
    assert isinstance(refused, Refused)
    assert refused.code == "no_such_message"
    assert isinstance(world.outcomes["plain"], Message)


def test_a_page_of_a_thread_has_its_messages_alone() -> None:
    world = talked(2)
    for n in range(3):
        world.server.append("r", "they", f"t-{n}", "text", thread=1)
        world.server.append("r", "they", f"o-{n}", "text")
    answers: list[JsonFrame | ClientError] = []
    world.session.ask({"type": "history", "room": "r", "thread": 1, "limit": 2}, answers.append)
    world.settle()
    [answer] = answers
    assert isinstance(answer, dict)
    page = page_of(answer)
    assert ([m.seq for m in page.messages], page.more, page.seq) == ([5, 7], True, 8)


def test_ones_own_log_tells_of_which_message_and_why() -> None:
    world = calm()
    about = {"room": "r", "title": "The room", "of": 7, "thread": 3, "why": "reply"}
    world.server._store("~me", "you", "~1", {"kind": "mention", "about": about})
    joined(world, "~me", 0)
    [told] = [e.message for e in world.events if isinstance(e, Arrived)]
    assert (told.kind, told.sender_id) == ("mention", "you")
    assert told.about == About("r", "The room", 7, 3, "reply")
