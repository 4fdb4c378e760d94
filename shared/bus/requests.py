"""Request and reply over the bus: who asks puts a ref and the address of its mailbox into the request, and who answers
sends the ref back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
Send = Callable[[str, str], Awaitable[None]]
"""Publishes a request, given its ref and the address for the answer."""


class NoAnswer(Exception):
    """No answer has come in time. The request may have been handled all the same."""


class AnswerLost(NoAnswer):
    """The mailbox has a new address, and the answer would come to the old one."""


class Requests(Generic[Answer]):
    """Requests of one kind that are under way. Who reads the mailbox calls `answered` and `reopened`.

    `reply_to`: the mailbox's present address. `patience_s`: how long an answer may take. `prefix`: of each ref."""

    def __init__(self, reply_to: Callable[[], str], *, patience_s: float, prefix: str = "") -> None:
        self._reply_to, self._patience_s, self._prefix = reply_to, patience_s, prefix
        self._waiting: dict[str, asyncio.Future[Answer | AnswerLost]] = {}
        self._numbers = count(1)

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, send: Send) -> Answer:
        """Sends a request once; its answer may take `patience_s` from when it is sent.

        Raises NoAnswer, AnswerLost, and what `send` raises."""
        ref = f"{self._prefix}{next(self._numbers)}"
        waiting: asyncio.Future[Answer | AnswerLost] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = waiting
        try:
            await send(ref, self._reply_to())
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await waiting
            except TimeoutError:
                raise NoAnswer from None
        finally:
            del self._waiting[ref]
        if isinstance(answer, AnswerLost):
            raise answer
        return answer

    async def ask_until_answered(self, send: Send) -> Answer:
        """For a request that does nothing but ask: sent anew whenever its answer is lost, all within `patience_s`.

        Raises NoAnswer, and what `send` raises."""
        try:
            async with asyncio.timeout(self._patience_s):
                while True:
                    with contextlib.suppress(AnswerLost):
                        return await self.ask(send)
        except TimeoutError:
            raise NoAnswer from None

    def answered(self, ref: str, answer: Answer) -> None:
        """The answer to `ref` has come; one that nobody waits for any more is dropped."""
        self._settle(ref, answer)

    def reopened(self) -> None:
        """The mailbox has a new address, so what is under way gets no answer any more."""
        for ref in self._waiting:
            self._settle(ref, AnswerLost())

    def _settle(self, ref: str, answer: Answer | AnswerLost) -> None:
        waiting = self._waiting.get(ref)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
