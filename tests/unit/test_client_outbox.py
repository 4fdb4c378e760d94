"""What was written is sent until it is acknowledged, under one id and in order; and questions are asked until
answered."""

from __future__ import annotations

from typing import Any

import pytest

from shared.client.core.events import Change, ClientError, Disconnected, Entry, JsonFrame, Message, Refused, Unanswered
from shared.client.core.outbox import Outbox, Written
from shared.client.core.requests import Requests
from shared.client.core.timers import Timers

ACK_S = 10.0


class Ports:
    """Notes what the outbox does."""

    def __init__(self) -> None:
        self.connected = self.joined = True
        self.sent: list[str] = []
        self.outcomes: list[tuple[str, Entry | Refused]] = []
        self.not_joined_rooms: list[str] = []

    def send(self, frame: JsonFrame) -> bool:
        if self.connected:
            self.sent.append(frame["id"])
        return self.connected

    def is_joined(self, room: str) -> bool:
        return self.connected and self.joined

    def not_joined(self, room: str) -> None:
        self.joined = False
        self.not_joined_rooms.append(room)

    def settled(self, written: Written, outcome: Entry | Refused) -> None:
        self.outcomes.append((written.id, outcome))

    def taken(self) -> list[str]:
        """What was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent


def outbox(in_flight: int = 1) -> tuple[Outbox, Ports, Timers]:
    ports, timers = Ports(), Timers()
    return Outbox(ports, timers, lambda: 0.5, in_flight, ACK_S), ports, timers


def write(box: Outbox, *ids: str, room: str = "r") -> None:
    for id in ids:
        box.write({"type": "chat", "room": room, "id": id, "text": id})


def copy(id: str, room: str = "r", seq: int = 1) -> Message:
    return Message(room, seq, id, "chat", "me", "me", "", id, None)


def error(code: str, ref: str, retry_after_ms: int | None = None) -> dict[str, Any]:
    retryable = code in ("rate_limited", "overloaded", "unavailable")
    frame = {"type": "error", "code": code, "text": "No.", "ref": ref, "retryable": retryable}
    return frame if retry_after_ms is None else {**frame, "retry_after_ms": retry_after_ms}


def test_one_of_a_room_is_under_way_at_a_time_and_rooms_do_not_wait_for_each_other() -> None:
    box, ports, _ = outbox()
    write(box, "a", "b")
    write(box, "x", room="other")
    assert ports.taken() == ["a", "x"]
    box.acknowledged(copy("a"))
    assert ports.taken() == ["b"]


def test_a_window_lets_several_be_under_way() -> None:
    box, ports, _ = outbox(in_flight=3)
    write(box, *"abcde")
    assert ports.taken() == ["a", "b", "c"]
    box.acknowledged(copy("b"))
    assert ports.taken() == ["d"]


def test_an_entry_leaves_when_its_own_copy_arrives_and_only_then() -> None:
    box, ports, timers = outbox()
    write(box, "a")
    timers.advance(ACK_S - 0.1)
    assert ports.taken() == ["a"]
    timers.advance(ACK_S)
    assert ports.taken() == ["a"], "no copy came, so it is sent again under the same id"
    box.acknowledged(copy("a", seq=7))
    assert ports.outcomes == [("a", copy("a", seq=7))]
    timers.advance(10 * ACK_S)
    assert ports.taken() == []
    assert len(box) == 0


@pytest.mark.parametrize("first", [True, False])
def test_what_was_under_way_while_we_slept_is_not_sent_again_at_once(first: bool) -> None:
    """The copy may lie unread."""
    box, ports, timers = outbox(in_flight=2)
    write(box, "a", "b")
    if not first:
        box.acknowledged(copy("a"))
    ports.taken()
    timers.advance(3600.0)
    assert ports.taken() == []
    timers.advance(3600.0 + ACK_S)
    assert ports.taken() == (["a", "b"] if first else ["b"])


def test_a_second_copy_is_nobodys() -> None:
    box, ports, _ = outbox()
    write(box, "a")
    box.acknowledged(copy("a"))
    box.acknowledged(copy("a"))
    assert len(ports.outcomes) == 1


def test_all_that_was_under_way_is_sent_again_in_order_over_the_next_connection() -> None:
    box, ports, _ = outbox(in_flight=3)
    write(box, *"abcd")
    ports.taken()
    ports.connected = False
    box.disconnected()
    box.flush("r")
    assert ports.taken() == []
    ports.connected = True
    box.acknowledged(copy("b"))  # a resume has shown that it was stored
    assert ports.taken() == ["a", "c", "d"]


def test_nothing_is_sent_to_a_room_before_it_is_joined() -> None:
    box, ports, _ = outbox()
    ports.joined = False
    write(box, "a")
    assert ports.taken() == []
    ports.joined = True
    box.flush("r")
    assert ports.taken() == ["a"]


def test_a_refusal_for_now_is_waited_out_by_all_and_everything_from_it_on_is_sent_again() -> None:
    box, ports, timers = outbox(in_flight=3)
    write(box, *"abc")
    ports.taken()
    assert box.refused(error("rate_limited", "b", retry_after_ms=2_000))
    write(box, "x", room="other")
    timers.advance(1.9)
    assert ports.taken() == []
    timers.advance(2.0)
    assert ports.taken() == ["b", "c", "x"]
    assert ports.outcomes == []


def test_the_longest_of_several_waits_counts() -> None:
    box, ports, timers = outbox(in_flight=3)
    write(box, *"abc")
    ports.taken()
    for id, wait in (("a", 3_000), ("b", 1_000)):
        box.refused(error("overloaded", id, retry_after_ms=wait))
    timers.advance(2.9)
    assert ports.taken() == []
    timers.advance(3.0)
    assert ports.taken() == ["a", "b", "c"]


def test_a_refusal_without_a_time_backs_off() -> None:
    box, ports, timers = outbox()
    write(box, "a")
    for wait in (0.75, 1.25, 2.25):
        assert ports.taken() == ["a"]
        start = timers.now
        box.refused(error("unavailable", "a"))
        timers.advance(start + wait - 0.01)
        assert ports.taken() == []
        timers.advance(start + wait)


def test_a_refusal_for_good_ends_the_entry_and_the_next_one_goes() -> None:
    box, ports, _ = outbox()
    write(box, "a", "b")
    assert box.refused(error("id_reused", "a"))
    assert ports.taken() == ["a", "b"]
    [(id, outcome)] = ports.outcomes
    assert (id, isinstance(outcome, Refused)) == ("a", True)


def test_who_is_not_in_the_room_joins_again_and_then_sends_again() -> None:
    box, ports, _ = outbox()
    write(box, "a")
    assert box.refused(error("not_joined", "a"))
    assert ports.not_joined_rooms == ["r"]
    assert ports.taken() == ["a"]
    ports.joined = True
    box.flush("r")
    assert ports.taken() == ["a"]


def test_an_error_that_names_no_entry_is_not_taken() -> None:
    box, _, _ = outbox()
    write(box, "a")
    assert not box.refused(error("rate_limited", "q 1"))
    assert not box.refused({"type": "error", "code": "overloaded", "text": "", "retryable": True})


def test_a_room_that_cannot_be_entered_ends_its_entries() -> None:
    box, ports, timers = outbox()
    write(box, "a", "b")
    box.room_refused("r", Refused("forbidden", "No."))
    assert [id for id, _ in ports.outcomes] == ["a", "b"]
    timers.advance(10 * ACK_S)
    assert ports.taken() == ["a"]


def test_a_change_waits_and_is_acknowledged_as_a_message_is() -> None:
    box, ports, _ = outbox()
    write(box, "a")
    box.write({"type": "pin", "room": "r", "id": "b", "of": 1, "on": True})
    assert ports.taken() == ["a"]
    box.acknowledged(copy("a"))
    assert ports.taken() == ["b"]
    pinned = Change("r", 2, "b", "pin", "me", "me", "", 1, None, "", True)
    box.acknowledged(pinned)
    assert ports.outcomes == [("a", copy("a")), ("b", pinned)]


def test_changes_end_and_messages_do_not_where_the_numbers_of_a_room_name_something_else_by_now() -> None:
    box, ports, timers = outbox(in_flight=2)
    box.write({"type": "delete", "room": "r", "id": "a", "of": 1})
    write(box, "b")
    box.write({"type": "pin", "room": "other", "id": "x", "of": 1, "on": True})
    assert ports.taken() == ["a", "b", "x"]
    box.numbers_gone("r")
    [(id, outcome)] = ports.outcomes
    assert id == "a"
    assert isinstance(outcome, Refused)
    assert outcome.code == "no_such_message"
    timers.advance(ACK_S)
    assert sorted(ports.taken()) == ["b", "x"]


def test_an_answer_ends_there_too_since_it_would_answer_another_message() -> None:
    box, ports, _ = outbox()
    box.write({"type": "chat", "room": "r", "id": "a", "text": "yes", "reply_to": 7})
    write(box, "b")
    box.numbers_gone("r")
    assert [(id, isinstance(outcome, Refused)) for id, outcome in ports.outcomes] == [("a", True)]


def test_of_the_edits_of_one_message_the_last_is_stored_last_however_many_are_under_way() -> None:
    """Else one that is refused for now would come after those behind it."""
    box, ports, timers = outbox(in_flight=4)
    for id, of in (("a", 1), ("b", 2), ("c", 1), ("d", 3)):
        box.write({"type": "edit", "room": "r", "id": id, "of": of, "text": id})
    assert ports.taken() == ["a", "b"]
    box.refused(error("rate_limited", "a", 1_000))
    box.acknowledged(copy("b"))
    assert ports.taken() == []
    timers.advance(1)
    assert ports.taken() == ["a"]
    box.acknowledged(copy("a"))
    assert ports.taken() == ["c", "d"]


def test_an_id_cannot_wait_twice() -> None:
    box, _, _ = outbox()
    write(box, "a")
    with pytest.raises(ValueError, match="waits already"):
        write(box, "a")


# ── questions ──


class Asked:
    """A server that answers when told."""

    def __init__(self) -> None:
        self.timers, self.connected = Timers(), True
        self.frames: list[JsonFrame] = []
        self.answers: list[JsonFrame | ClientError] = []
        self.requests = Requests(self._send, self.timers, lambda: 0.0, answer_s=10.0)

    def _send(self, frame: JsonFrame) -> bool:
        if self.connected:
            self.frames.append(frame)
        return self.connected

    def ask(self, patience: int | None = None) -> None:
        self.requests.ask({"type": "history", "room": "r"}, self.answers.append, patience)

    def answer(self, frame: JsonFrame) -> bool:
        return self.requests.receive({**frame, "ref": self.frames[-1]["ref"]})


def test_an_answer_finds_its_question_by_its_ref() -> None:
    asked = Asked()
    asked.ask()
    asked.ask()
    refs = [frame["ref"] for frame in asked.frames]
    assert refs[0] != refs[1]
    assert not asked.requests.receive({"type": "history", "ref": "other"})
    assert not asked.requests.receive({"type": "history"})
    assert asked.requests.receive({"type": "history", "n": 2, "ref": refs[1]})
    assert asked.requests.receive({"type": "history", "n": 1, "ref": refs[0]})
    assert [a["n"] for a in asked.answers if isinstance(a, dict)] == [2, 1]


def test_silence_is_asked_again_and_a_late_answer_to_the_first_is_nobodys() -> None:
    asked = Asked()
    asked.ask()
    asked.timers.advance(10.0)
    first, second = asked.frames
    assert {**first, "ref": ""} == {**second, "ref": ""}
    assert not asked.requests.receive({"type": "history", "ref": first["ref"]})
    assert asked.answer({"type": "history"})
    assert len(asked.answers) == 1


def test_a_question_that_waited_while_we_slept_is_not_asked_again_at_once() -> None:
    asked = Asked()
    asked.ask()
    asked.timers.advance(3600.0)
    assert len(asked.frames) == 1
    assert asked.answer({"type": "history"})


def test_patience_has_an_end_where_one_is_set() -> None:
    asked = Asked()
    asked.ask(patience=2)
    asked.timers.advance(10.0)
    asked.timers.advance(20.0)
    assert len(asked.frames) == 2
    assert isinstance(asked.answers[0], Unanswered)


def test_a_refusal_for_now_is_waited_out() -> None:
    asked = Asked()
    asked.ask()
    asked.answer({"type": "error", "code": "overloaded", "text": "", "retryable": True, "retry_after_ms": 3_000})
    asked.timers.advance(2.9)
    assert len(asked.frames) == 1
    asked.timers.advance(3.0)
    assert len(asked.frames) == 2
    assert asked.answer({"type": "history"})


def test_a_refusal_for_good_is_the_answer() -> None:
    asked = Asked()
    asked.ask()
    asked.answer({"type": "error", "code": "forbidden", "text": "No.", "retryable": False})
    [refused] = asked.answers
    assert isinstance(refused, Refused)
    assert refused.code == "forbidden"


def test_a_lost_connection_ends_all_questions_also_those_that_wait() -> None:
    asked = Asked()
    asked.ask()
    asked.ask()
    asked.answer({"type": "error", "code": "overloaded", "text": "", "retryable": True})
    asked.requests.disconnected()
    assert [type(a) for a in asked.answers] == [Disconnected, Disconnected]
    asked.timers.advance(1_000.0)
    assert len(asked.frames) == 2


def test_without_a_connection_nothing_is_asked() -> None:
    asked = Asked()
    asked.connected = False
    asked.ask()
    assert [type(a) for a in asked.answers] == [Disconnected]
