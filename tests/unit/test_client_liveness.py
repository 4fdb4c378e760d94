"""When a client calls its connection dead: only after a question of its own, and never because it was away itself."""

from __future__ import annotations

from shared.client.core.liveness import Liveness
from shared.client.core.timers import Timers

HEARTBEAT_S = 25.0


class Line:
    """A connection whose clock the test winds; `said` is what the client does about it."""

    def __init__(self) -> None:
        self.timers, self.said = Timers(), list[str]()
        self.liveness = Liveness(
            self.timers, HEARTBEAT_S, lambda: self.said.append("ping"), lambda: self.said.append("dead")
        )

    def at(self, seconds: float) -> list[str]:
        self.timers.advance(seconds)
        said, self.said[:] = list(self.said), []
        return said


def test_silence_is_asked_after_one_heartbeat_and_is_death_after_another() -> None:
    line = Line()
    assert line.at(24.9) == []
    assert line.at(25.0) == ["ping"]
    assert line.at(49.9) == []
    assert line.at(50.0) == ["dead"]


def test_any_frame_is_a_sign_of_life() -> None:
    line = Line()
    for now in range(10, 500, 10):
        line.at(now)
        line.liveness.heard()
        assert line.said == []


def test_an_answer_begins_the_silence_anew() -> None:
    line = Line()
    assert line.at(25.0) == ["ping"]
    line.liveness.heard()
    assert line.at(49.9) == []
    assert line.at(50.0) == ["ping"]


def test_who_slept_through_the_heartbeat_asks_first_and_waits_the_whole_time() -> None:
    line = Line()
    assert line.at(8 * 3600.0) == ["ping"]
    assert line.at(8 * 3600.0 + 24.9) == []
    assert line.at(8 * 3600.0 + 25.0) == ["dead"]


def test_who_slept_while_a_question_waited_asks_once_more() -> None:
    line = Line()
    assert line.at(25.0) == ["ping"]
    assert line.at(3600.0) == ["ping"]
    line.liveness.heard()  # it lay unread
    assert line.at(3624.9) == []


def test_a_dead_line_is_found_out_although_the_clock_is_always_wound_late() -> None:
    line = Line()
    assert [line.at(60.0), line.at(120.0), line.at(180.0)] == [["ping"], ["ping"], ["dead"]]


def test_what_was_stopped_says_nothing_any_more() -> None:
    line = Line()
    line.at(25.0)
    line.at(3600.0)
    line.liveness.stop()
    assert line.at(9_999.0) == []
