"""What clients have asked and nobody has answered yet. Each question gets one
answer: the router's, or in time a refusal.

Answers are lost with a mailbox, with a router that dies, with what neither of them knows; only here is it known that
somebody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from shared.protocol.errors import ErrorCode

RETRY_AFTER_MS = 1_000
TEXT = "No answer came in time. Try again."
TOO_MANY = "Too many requests are open. Try again in a moment."


class Asker(Protocol):
    """A connection, as far as it asks."""

    @property
    def open(self) -> bool: ...

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None: ...

    def refuse_rooms(self, rooms: Sequence[str], code: ErrorCode, text: str, ref: str | None) -> None:
        """These alone, of all that a `resume` names."""


class Question:
    """Number `n`, asked by `asker` at `at` with this `ref`; `rooms`: of a `resume`, those that have no answer
    yet. Whoever cannot forward it refuses it (`forward.Sender`)."""

    __slots__ = ("_questions", "asker", "at", "n", "ref", "rooms")

    def __init__(self, questions: Questions, n: int, asker: Asker, ref: str | None, at: float, rooms: set[str]) -> None:
        self._questions, self.n, self.asker, self.ref, self.at, self.rooms = questions, n, asker, ref, at, rooms

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None:
        if self._questions.answered(self.n) and self.asker.open:
            self.asker.refuse(code, text, ref, retry_after_ms)

    def refuse_rooms(self, rooms: Sequence[str], code: ErrorCode, text: str) -> None:
        if self._questions.answered(self.n, rooms) and self.asker.open:
            self.asker.refuse_rooms(rooms, code, text, self.ref)


class Part:
    """The rooms of a question that go one way. Whoever cannot forward them refuses them alone."""

    __slots__ = ("_question", "_rooms")

    def __init__(self, question: Question, rooms: Sequence[str]) -> None:
        self._question, self._rooms = question, rooms

    def refuse(self, code: ErrorCode, text: str, _ref: str | None, _retry_after_ms: int | None = None) -> None:
        self._question.refuse_rooms(self._rooms, code, text)


class Questions:
    """`bound`: how many may be open; more are refused as they come. `answer_s`: how long each may be."""

    def __init__(self, bound: int, answer_s: float) -> None:
        self._bound, self._answer_s = bound, answer_s
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, Question] = {}  # in the order in which they were asked, or answered in part
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, asker: Asker, ref: str | None, rooms: Iterable[str] = ()) -> Question | None:
        """`rooms`: see `Question`. None: it is one too many, and refused."""
        if len(self._open) >= self._bound:
            asker.refuse(ErrorCode.OVERLOADED, TOO_MANY, ref, RETRY_AFTER_MS)
            return None
        self._count += 1
        question = self._open[self._count] = Question(self, self._count, asker, ref, self._loop.time(), set(rooms))
        if self._timer is None:
            self._timer = self._loop.call_later(self._answer_s, self._look)
        return question

    def answered(self, n: int, rooms: Sequence[str] | None = None) -> bool:
        """Number `n` has its answer, or one for these of its rooms. False: it had it already, and this one is not for
        its asker any more."""
        question = self._open.get(n)
        if question is None or (rooms is not None and question.rooms.isdisjoint(rooms)):
            return False
        del self._open[n]
        if rooms is not None:
            question.rooms.difference_update(rooms)
            if question.rooms:  # it is being answered: the others have their whole time from now on
                question.at = self._loop.time()
                self._open[n] = question
        return True

    def lost(self) -> None:
        """What was on its way here will not come."""
        for question in list(self._open.values()):
            self._refuse(question)

    def _look(self) -> None:
        """Refuses what is overdue. One timer for all: it looks again only while something is open."""
        self._timer = None
        now = self._loop.time()
        for question in list(self._open.values()):
            due = question.at + self._answer_s - now
            if due > 0.001:  # the loop's timers may be early by less than that
                self._timer = self._loop.call_later(due, self._look)
                return
            self._refuse(question)

    @staticmethod
    def _refuse(question: Question) -> None:
        question.refuse(ErrorCode.UNAVAILABLE, TEXT, question.ref, RETRY_AFTER_MS)
