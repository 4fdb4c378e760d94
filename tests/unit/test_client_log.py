"""The client's view of one room: each entry once, in order, whatever way they come; and its messages as the changes
leave them. docs/protocol.md, promises 2 to 4 and 7. What the changes do: test_client_conversation.py."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.client.core.backoff import CEILING_S, FLOOR_S, STEADY_S, Reconnection, backoff, comes_back
from shared.client.core.events import Arrived, Change, Changed, Message
from shared.client.core.room_log import CHANGES_KNOWN, Hole, RoomLog, Told
from shared.client.core.timers import Timers


def message(seq: int) -> Message:
    return Message("r", seq, f"m-{seq}", "chat", "u", "u", "", str(seq), None)


def messages(*seqs: int) -> list[Message]:
    return [message(seq) for seq in seqs]


def edit(seq: int, of: int, text: str = "better") -> Change:
    return Change("r", seq, f"c-{seq}", "edit", "u", "u", f"at {seq}", of, text)


def seqs(told: list[Told]) -> list[int]:
    return [each.message.seq if isinstance(each, Arrived) else each.change.seq for each in told]


def held(log: RoomLog) -> list[int]:
    return [m.seq for m in log.messages]


def text(log: RoomLog, seq: int) -> str:
    message = log.message(seq)
    assert message is not None
    return message.text


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
    assert seqs(log.page(1, 2, messages(2), more=False, as_of=2)) == [2, 3, 4]
    assert log.hole is None


def test_doubles_are_not_shown() -> None:
    log = following(0)
    assert seqs(log.receive(message(1))) == [1]
    assert log.receive(message(1)) == []
    assert log.receive(message(3)) == []
    assert log.receive(message(3)) == []
    assert seqs(log.page(0, 3, messages(1, 2, 3), more=False, as_of=3)) == [2, 3]
    assert log.page(0, 3, messages(1, 2, 3), more=False, as_of=3) == []


def test_a_fresh_join_begins_with_the_newest_messages() -> None:
    log = RoomLog()
    assert log.receive(message(70)) == [], "nothing is shown of a room that is not joined yet"
    assert seqs(log.joined_fresh(messages(71, 72), 72, 72)) == [71, 72]
    assert (log.start, log.resume_after) == (71, 72)


def test_a_room_of_which_nothing_is_known_is_joined_without_after() -> None:
    assert RoomLog().resume_after is None


def test_a_fresh_join_of_an_empty_room_begins_at_its_end() -> None:
    log = RoomLog()
    assert log.joined_fresh([], 0, 0) == []
    assert seqs(log.receive(message(1))) == [1]


def test_a_resume_that_does_not_fit_in_one_page_leaves_a_hole() -> None:
    log = following(100)
    assert seqs(log.page(100, 900, messages(*range(101, 301)), more=True, as_of=900)) == list(range(101, 301))
    assert log.hole == Hole(301, 900)
    assert log.resume_after == 300


def test_numbers_that_history_does_not_have_any_more_are_asked_for_once() -> None:
    log = following(0)
    assert seqs(log.page(0, 10, messages(4, 7), more=False, as_of=10)) == [4, 7]
    assert log.hole is None
    assert log.resume_after == 10


def test_a_page_of_something_else_fills_no_hole() -> None:
    log = following(0)
    log.receive(message(9))
    assert log.page(5, 8, messages(6, 7), more=False, as_of=8) == []
    assert log.hole == Hole(1, 5)
    assert seqs(log.page(0, 5, messages(1, 2, 3, 4, 5), more=False, as_of=5)) == [1, 2, 3, 4, 5, 6, 7]
    assert log.hole == Hole(8, 8)


def test_only_the_newest_messages_are_kept() -> None:
    log = RoomLog(keep=3)
    log.begin_after(0)
    for n in range(1, 11):
        log.receive(message(n))
    assert held(log) == [8, 9, 10]
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
            shown += seqs(log.page(after, known, messages(*range(after + 1, last + 1)), more=last < known, as_of=known))
        assert shown == list(range(1, len(shown) + 1))
        assert log.resume_after == len(shown)
    while (hole := log.hole) is not None:
        last = min(hole.last, hole.first + 4)
        page = messages(*range(hole.first, last + 1))
        shown += seqs(log.page(hole.first - 1, hole.last, page, more=last < hole.last, as_of=log.target))
    assert shown == list(range(1, log.target + 1))
    assert held(log) == shown


# ── changes ──


def test_a_change_is_told_with_its_message_as_it_is_then() -> None:
    log = following(0)
    log.receive(message(1))
    [told] = log.receive(edit(2, 1))
    assert told == Changed("r", edit(2, 1), message(1)._replace(text="better", edited_at="at 2"))
    assert isinstance(told, Changed)
    assert log.messages == [told.message]


def test_a_change_of_what_is_not_held_is_told_without_it() -> None:
    log = following(5)
    assert log.receive(edit(6, 2)) == [Changed("r", edit(6, 2), None)]
    assert log.whole == 6


def test_a_change_ahead_of_a_hole_is_told_when_the_hole_is_filled() -> None:
    log = following(0)
    log.receive(message(1))
    assert log.receive(edit(3, 1, "newest")) == []
    assert text(log, 1) == "1"
    assert seqs(log.receive(edit(2, 1, "better"))) == [2, 3]
    assert text(log, 1) == "newest"


def test_a_change_of_a_message_that_was_let_go_is_dropped() -> None:
    log = RoomLog(keep=2)
    log.begin_after(0)
    for n in range(1, 5):
        log.receive(message(n))
    [told] = log.receive(edit(5, 1))
    assert told == Changed("r", edit(5, 1), None)
    assert held(log) == [3, 4]
    log.receive(edit(6, 4))
    assert held(log) == [3, 4], "a change takes no place"
    assert log.resume_after == 6


def test_what_a_page_holds_already_is_told_and_does_nothing() -> None:
    log = following(0)
    newest = message(1)._replace(text="newest", edited_at="at 3")
    log.page(0, 1, [newest], more=False, as_of=3)
    [told] = log.receive(edit(2, 1, "older"))
    assert told == Changed("r", edit(2, 1, "older"), newest)
    log.receive(edit(3, 1, "newest"))
    log.receive(edit(4, 1, "the very newest"))
    assert text(log, 1) == "the very newest"


def test_of_two_copies_ahead_of_a_hole_the_newer_stays() -> None:
    for pages in ((3, 5), (5, 3)):
        log = following(0)
        for as_of in pages:
            log.page(1, 2, [message(2)._replace(text=f"as of {as_of}")], more=False, as_of=as_of)
        log.receive(message(1))
        assert text(log, 2) == "as of 5"
        for seq in (3, 4, 5):
            log.receive(edit(seq, 2, f"as of {seq}"))
            assert text(log, 2) == "as of 5"


def test_a_fresh_join_lacks_what_came_after_what_it_holds() -> None:
    log = RoomLog()
    assert seqs(log.joined_fresh(messages(3, 5), 9, as_of=6)) == [3, 5]
    assert (log.start, log.whole, log.hole) == (3, 6, Hole(7, 9))
    assert seqs(log.page(6, 9, [edit(7, 5), edit(8, 1), edit(9, 3)], more=False, as_of=9)) == [7, 8, 9]
    assert [m.text for m in log.messages] == ["better", "better"]


def test_a_fresh_join_may_list_what_came_after_what_it_says() -> None:
    log = RoomLog()
    assert seqs(log.joined_fresh(messages(3, 8), 9, as_of=6)) == [3]
    assert log.hole == Hole(7, 7)
    assert seqs(log.page(6, 7, [edit(7, 3)], more=False, as_of=9)) == [7, 8]
    assert log.hole == Hole(9, 9)


def test_a_new_start_lets_go_what_was_held_and_keeps_what_came_since() -> None:
    log = following(0)
    for n in (1, 2):
        log.receive(message(n))
    for n in (51, 52):
        log.receive(message(n))
    anew = log.start_anew(50, messages(48, 50), as_of=51)
    assert anew is not None
    assert (anew.passed, anew.through, seqs(anew.told)) == (Hole(3, 47), 50, [48, 50, 51, 52])
    assert held(log) == [48, 50, 51, 52]
    assert (log.start, log.whole, log.is_whole) == (48, 52, True)


def test_a_new_start_that_reaches_what_is_held_tells_it_no_second_time() -> None:
    log = following(0)
    for n in (1, 2, 3):
        log.receive(message(n))
    log.expect(9)
    anew = log.start_anew(9, [*messages(2), message(3)._replace(text="newest"), message(8)], as_of=9)
    assert anew is not None
    assert (anew.passed, anew.through, seqs(anew.told)) == (Hole(4, 3), 9, [8])
    assert [m.text for m in log.messages] == ["2", "newest", "8"]


def test_a_new_start_from_an_answer_that_is_older_than_the_room_lacks_the_rest() -> None:
    log = following(0)
    log.receive(message(1))
    log.expect(100)
    anew = log.start_anew(100, messages(90, 95), as_of=93)
    assert anew is not None
    assert (anew.through, seqs(anew.told), log.hole) == (93, [90], Hole(94, 94))
    assert seqs(log.page(93, 94, [edit(94, 90)], more=False, as_of=100)) == [94, 95]
    assert log.hole == Hole(96, 100)


def test_there_is_no_new_start_where_nothing_is_missing_any_more() -> None:
    log = following(0)
    for n in (1, 2, 3):
        log.receive(message(n))
    assert log.start_anew(3, messages(2, 3), as_of=3) is None
    assert held(log) == [1, 2, 3]


def test_another_entry_under_a_number_contradicts_also_where_one_is_a_change() -> None:
    log = following(0)
    log.receive(message(1))
    log.receive(edit(2, 1))
    log.receive(edit(4, 1))
    for entry in (edit(1, 1), message(2), edit(2, 1)._replace(id="another"), message(4)):
        assert log.contradicts([entry])
    for entry in (message(1), edit(2, 1, "another text"), edit(4, 1), message(9)):
        assert not log.contradicts([entry])


def test_so_many_changes_are_known_again_and_no_more() -> None:
    log = following(0)
    log.receive(message(1))
    for seq in range(2, CHANGES_KNOWN + 3):
        log.receive(edit(seq, 1))
    assert not log.contradicts([message(2)])
    assert log.contradicts([message(3)])


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
