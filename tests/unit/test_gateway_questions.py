"""Each question gets one answer, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.gateway.questions import Question, Questions
from shared.protocol.errors import ErrorCode

SOON_S = 0.02


class Client:
    """Remembers what it was refused, in order."""

    def __init__(self) -> None:
        self.open = True
        self.told: asyncio.Queue[tuple[ErrorCode, str | None, int | None]] = asyncio.Queue()

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None:
        self.told.put_nowait((code, ref, retry_after_ms))

    def refuse_rooms(self, rooms: Sequence[str], code: ErrorCode, text: str, ref: str | None) -> None:
        raise AssertionError("nobody has resumed rooms")


def asked(questions: Questions, client: Client, ref: str | None = "x") -> Question:
    question = questions.ask(client, ref)
    assert question is not None
    return question


async def test_what_nobody_answers_in_time_is_refused_once_in_the_order_of_asking() -> None:
    questions, client = Questions(10, SOON_S), Client()
    for ref in ("a", None, "c"):
        asked(questions, client, ref)
        await asyncio.sleep(SOON_S / 4)
    async with asyncio.timeout(20):
        told = [await client.told.get() for _ in range(3)]
    assert told == [(ErrorCode.UNAVAILABLE, ref, 1_000) for ref in ("a", None, "c")]
    assert len(questions) == 0


async def test_what_is_answered_is_not_refused_and_does_not_hold_up_what_is_not() -> None:
    questions, client = Questions(10, SOON_S), Client()
    first, _, third = (asked(questions, client, ref) for ref in ("a", "b", "c"))
    assert questions.answered(first.n)
    assert questions.answered(third.n)
    async with asyncio.timeout(20):
        assert (await client.told.get())[1] == "b"
    assert (client.told.empty(), len(questions)) == (True, 0)


async def test_of_two_answers_the_first_is_for_the_asker() -> None:
    questions = Questions(10, 60)
    n = asked(questions, Client()).n
    assert [questions.answered(n), questions.answered(n), questions.answered(n + 1)] == [True, False, False]


async def test_an_answer_that_comes_after_the_refusal_is_not_passed_on() -> None:
    questions, client = Questions(10, 60), Client()
    question = asked(questions, client)
    questions.lost()
    assert client.told.get_nowait()[0] == ErrorCode.UNAVAILABLE
    assert not questions.answered(question.n)


async def test_what_could_not_be_forwarded_is_refused_once() -> None:
    questions, client = Questions(10, 60), Client()
    question = asked(questions, client)
    question.refuse(ErrorCode.OVERLOADED, "Not now.", "x", 500)
    questions.lost()
    assert (client.told.get_nowait(), client.told.empty()) == ((ErrorCode.OVERLOADED, "x", 500), True)


async def test_one_question_too_many_is_refused_as_it_comes() -> None:
    questions, client = Questions(2, 60), Client()
    for ref in ("a", "b"):
        asked(questions, client, ref)
    assert questions.ask(client, "c") is None
    assert client.told.get_nowait() == (ErrorCode.OVERLOADED, "c", 1_000)


async def test_who_has_gone_is_told_nothing() -> None:
    questions, client = Questions(10, 60), Client()
    asked(questions, client)
    client.open = False
    questions.lost()
    assert (client.told.empty(), len(questions)) == (True, 0)
