"""Questions that the server answers: `join`, `resume`, `leave`, `history`, `rooms`. Each carries a `ref`, and its
answer comes back with it; that to `resume` in parts.

A retryable error is waited out; silence is asked again; a connection that goes away ends them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.client.core.backoff import backoff
from shared.client.core.events import ClientError, Disconnected, JsonFrame, Refused, Unanswered
from shared.client.core.timers import Timer, Timers

Done = Callable[[JsonFrame | ClientError], None]


@dataclass(slots=True)
class _Question:
    frame: JsonFrame
    done: Done
    patience: int | None
    attempt: int = 0
    silences: int = 0
    timer: Timer | None = None

    def without(self, answer: JsonFrame) -> bool:
        """Of a `resume`: takes out the rooms that this answers. Whether some are left to be asked for again."""
        answered = {each["room"] for each in answer["rooms"]}
        self.frame["rooms"] = [each for each in self.frame["rooms"] if each["room"] not in answered]
        return bool(self.frame["rooms"])


class Requests:
    """`send`: False where there is no connection. `answer_s`: how long to wait for an answer."""

    def __init__(
        self, send: Callable[[JsonFrame], bool], timers: Timers, random: Callable[[], float], answer_s: float
    ) -> None:
        self._send, self._timers, self._random, self._answer_s = send, timers, random, answer_s
        self._pending: dict[str, _Question] = {}
        self._count = 0

    def ask(self, frame: JsonFrame, done: Done, patience: int | None = None) -> None:
        """Asks until there is an answer; `done` gets it, or each part of it, or why there is none. `patience`: how many
        silences are borne."""
        self._ask(_Question(frame, done, patience))

    def receive(self, frame: JsonFrame) -> bool:
        """Gives an arriving frame to whoever asked for it. True where somebody did."""
        ref = frame.get("ref", "")
        question = self._pending.get(ref)
        if question is None:
            return False
        if frame["type"] == "resumed" and question.without(frame):
            question.done(frame)
            return True
        del self._pending[ref]
        self._stop(question)
        if frame["type"] != "error":
            question.done(frame)
        elif not frame["retryable"]:
            question.done(Refused(frame["code"], frame["text"]))
        else:
            wait = frame.get("retry_after_ms", 0) / 1000 or backoff(question.attempt, self._random())
            # Those who were refused together do not come back together.
            wait *= 1 + self._random()
            question.attempt += 1
            ref = self._hold(question)
            question.timer = self._timers.after(wait, lambda: self._again(ref))
        return True

    def disconnected(self) -> None:
        """Nothing that was asked will be answered."""
        pending, self._pending = self._pending, {}
        for question in pending.values():
            self._stop(question)
            question.done(Disconnected("the connection went away"))

    def _ask(self, question: _Question) -> None:
        ref = self._hold(question)
        if not self._send({**question.frame, "ref": ref}):
            del self._pending[ref]
            question.done(Disconnected("there is no connection"))
            return
        question.timer = self._timers.after_silence(self._answer_s, lambda: self._silence(ref))

    def _hold(self, question: _Question) -> str:
        self._count += 1
        ref = f"q {self._count}"  # with a space, so it cannot be a message's id
        self._pending[ref] = question
        return ref

    def _again(self, ref: str) -> None:
        if (question := self._pending.pop(ref, None)) is not None:
            self._ask(question)

    def _silence(self, ref: str) -> None:
        question = self._pending.pop(ref, None)
        if question is None:
            return
        question.silences += 1
        if question.patience is not None and question.silences >= question.patience:
            question.done(Unanswered(f"no answer to {question.frame['type']}"))
        else:
            self._ask(question)

    @staticmethod
    def _stop(question: _Question) -> None:
        if question.timer is not None:
            question.timer.cancel()
