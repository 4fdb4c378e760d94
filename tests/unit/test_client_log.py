"""The client's view of one room: each message once, in order, whatever way they come.
docs/protocol.md, promises 2 to 4."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.client.core.backoff import CEILING_S, FLOOR_S, STEADY_S, Reconnection, backoff, comes_back
from shared.client.core.events import Message
from shared.client.core.room_log import Hole, RoomLog
from shared.client.core.timers import Timers


def message(seq: int) -> Message:
    return Message("r", seq, f"m-{seq}", "chat", "u", "u", "", str(seq), None)


def messages(*seqs: int) -> list[Message]:
    return [message(seq) for seq in seqs]


def seqs(shown: list[Message]) -> list[int]:
    return [m.seq for m in shown]


def following(seq: int) -> RoomLog:
    log = RoomLog()
    log.begin_after(seq)
    return log


def test_what_comes_in_order_is_shown_at_once() -> None:
    log = following(0)
    assert [seqs(log.receive(message(n))) for n in (1, 2, 3)] == [[1], [2], [3]]
    assert log.hole is None


def test_a_jump_is_held_back_until_its_hole_is_filled() -> None:
    log = following(0)
    assert seqs(log.receive(message(1))) == [1]
    assert log.receive(message(4)) == []
    assert log.hole == Hole(2, 3)
    assert log.receive(message(3)) == []
    assert log.hole == Hole(2, 2)
    assert seqs(log.page(1, 2, messages(2), more=False)) == [2, 3, 4]
    assert log.hole is None


def test_doubles_are_not_shown() -> None:
    log = following(0)
    assert seqs(log.receive(message(1))) == [1]
    assert log.receive(message(1)) == []
    assert log.receive(message(3)) == []
    assert log.receive(message(3)) == []
    assert seqs(log.page(0, 3, messages(1, 2, 3), more=False)) == [2, 3]
    assert log.page(0, 3, messages(1, 2, 3), more=False) == []


def test_a_fresh_join_begins_with_the_newest_messages() -> None:
    log = RoomLog()
    assert log.receive(message(70)) == [], "nothing is shown of a room that is not joined yet"
    assert seqs(log.joined_fresh(messages(71, 72), 72)) == [71, 72]
    assert (log.start, log.resume_after) == (71, 72)


def test_a_room_of_which_nothing_is_known_is_joined_without_after() -> None:
    assert RoomLog().resume_after is None


def test_a_fresh_join_of_an_empty_room_begins_at_its_end() -> None:
    log = RoomLog()
    assert log.joined_fresh([], 0) == []
    assert seqs(log.receive(message(1))) == [1]


def test_a_resume_that_does_not_fit_in_one_page_leaves_a_hole() -> None:
    log = following(100)
    assert seqs(log.page(100, 900, messages(*range(101, 301)), more=True)) == list(range(101, 301))
    assert log.hole == Hole(301, 900)
    assert log.resume_after == 300


def test_numbers_that_history_does_not_have_any_more_are_asked_for_once() -> None:
    log = following(0)
    assert seqs(log.page(0, 10, messages(4, 7), more=False)) == [4, 7]
    assert log.hole is None
    assert log.resume_after == 10


def test_a_page_of_something_else_fills_no_hole() -> None:
    log = following(0)
    log.receive(message(9))
    assert log.page(5, 8, messages(6, 7), more=False) == []
    assert log.hole == Hole(1, 5)
    assert seqs(log.page(0, 5, messages(1, 2, 3, 4, 5), more=False)) == [1, 2, 3, 4, 5, 6, 7]
    assert log.hole == Hole(8, 8)


def test_only_the_newest_messages_are_kept() -> None:
    log = RoomLog(keep=3)
    log.begin_after(0)
    for n in range(1, 11):
        log.receive(message(n))
    assert seqs(list(log.messages)) == [8, 9, 10]
    assert log.resume_after == 10


@given(st.data())
def test_however_they_come_each_is_shown_once_and_in_order(data: st.DataObject) -> None:
    newest, log, shown = data.draw(st.integers(1, 40)), following(0), list[int]()
    for _ in range(data.draw(st.integers(0, 60))):
        if data.draw(st.booleans()):
            shown += seqs(log.receive(message(data.draw(st.integers(1, newest)))))
        else:
            # Whatever page the server gives, it is a whole stretch of the log.
            after = data.draw(st.integers(0, newest))
            last = data.draw(st.integers(after, newest))
            known = data.draw(st.integers(last, newest))
            shown += seqs(log.page(after, known, messages(*range(after + 1, last + 1)), more=last < known))
        assert shown == list(range(1, len(shown) + 1))
        assert log.resume_after == len(shown)
    while (hole := log.hole) is not None:
        last = min(hole.last, hole.first + 4)
        page = messages(*range(hole.first, last + 1))
        shown += seqs(log.page(hole.first - 1, hole.last, page, more=last < hole.last))
    assert shown == list(range(1, log.target + 1))
    assert seqs(list(log.messages)) == shown


# ── when to come back ──


@given(st.integers(0, 1_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_between_the_floor_and_the_ceiling(attempt: int, random: float) -> None:
    assert FLOOR_S <= backoff(attempt, random) <= CEILING_S


def test_the_ceiling_doubles_and_ends_at_thirty_seconds() -> None:
    assert [round(backoff(n, 1.0), 1) for n in range(8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_the_close_code_says_whether_to_come_back() -> None:
    again = {code for code in range(1000, 5000) if comes_back(code)}
    assert again == {1001, 1002, 1006, 1007, 1011, 1012, *range(4000, 4500)}


def test_failures_in_a_row_wait_longer_until_a_connection_was_steady() -> None:
    reconnection = Reconnection(lambda: 0.999)
    assert [round(reconnection.lost(1006, n) or 0) for n in range(3)] == [1, 2, 4]
    reconnection.opened(10.0)
    assert round(reconnection.lost(1006, 10.0 + STEADY_S / 2) or 0) == 8, "it opened, and was gone again"
    reconnection.opened(100.0)
    assert round(reconnection.lost(1006, 100.0 + STEADY_S + 1) or 0) == 1


def test_what_the_server_announced_is_waited_for() -> None:
    reconnection = Reconnection(lambda: 0.0)
    assert reconnection.announced(5_000, now=100.0) == 5.0
    assert reconnection.lost(4001, now=101.0) == 4.0
    assert reconnection.lost(1006, now=101.0) == FLOOR_S, "once"


def test_a_final_close_code_ends_it() -> None:
    assert Reconnection(lambda: 0.5).lost(4503, 0.0) is None


# ── time ──


def test_timers_fire_in_order_and_only_once_they_are_due() -> None:
    timers, fired = Timers(), list[str]()
    timers.advance(100.0)
    timers.after(2, lambda: fired.append("b"))
    timers.after(1, lambda: fired.append("a"))
    timers.after(1, lambda: fired.append("cancelled")).cancel()

    def later() -> None:
        timers.after(0.5, lambda: fired.append("within"))

    timers.after(1, later)
    assert timers.deadline == 101.0
    timers.advance(100.9)
    assert fired == []
    timers.advance(101.0)
    assert fired == ["a"]
    timers.advance(103.0)
    assert fired == ["a", "within", "b"]
    assert timers.deadline is None


def test_time_does_not_run_backwards() -> None:
    timers = Timers()
    timers.advance(5.0)
    timers.advance(3.0)
    assert timers.now == 5.0
