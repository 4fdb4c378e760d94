"""Request and reply over the bus, and the asking for revoked tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from shared.bus import revocations
from shared.bus.port import Bus, Unavailable
from shared.bus.requests import AnswerLost, NoAnswer, Requests
from shared.bus.revocations import RevocationsAsker
from shared.bus.topology import ACCOUNTS
from shared.protocol.bus import RevocationsWanted
from shared.protocol.codec import decode


class Sent:
    """What was sent, in order: each a ref and an address."""

    def __init__(self) -> None:
        self._sent: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def send(self, ref: str, reply_to: str) -> None:
        self._sent.put_nowait((ref, reply_to))

    async def next(self) -> tuple[str, str]:
        async with asyncio.timeout(5):
            return await self._sent.get()


@pytest.fixture
def sent() -> Sent:
    return Sent()


def requests(reply_to: Callable[[], str] = lambda: "mailbox.1", patience_s: float = 5.0) -> Requests[str]:
    return Requests[str](reply_to, patience_s=patience_s, prefix="r.")


async def test_each_gets_the_answer_to_its_own_request(sent: Sent) -> None:
    asked = requests()
    first = asyncio.create_task(asked.ask(sent.send))
    assert await sent.next() == ("r.1", "mailbox.1")
    second = asyncio.create_task(asked.ask(sent.send))
    assert await sent.next() == ("r.2", "mailbox.1")
    assert len(asked) == 2
    asked.answered("r.2", "two")
    asked.answered("r.1", "one")
    assert (await first, await second) == ("one", "two")
    assert len(asked) == 0


async def test_an_answer_for_which_nobody_waits_is_dropped(sent: Sent) -> None:
    asked = requests()
    asked.answered("r.1", "before anything was asked")
    first = asyncio.create_task(asked.ask(sent.send))
    await sent.next()
    asked.answered("r.1", "one")
    asked.answered("r.1", "a second time")
    assert await first == "one"


async def test_an_answer_that_comes_while_the_request_is_sent_counts() -> None:
    asked = requests()

    async def answered_at_once(ref: str, _reply_to: str) -> None:
        asked.answered(ref, "one")

    assert await asked.ask(answered_at_once) == "one"


@pytest.mark.parametrize("how", ["ask", "ask_until_answered"])
async def test_who_gets_no_answer_in_time_is_told(sent: Sent, how: str) -> None:
    asked = requests(patience_s=0.01)
    with pytest.raises(NoAnswer):
        await getattr(asked, how)(sent.send)
    assert len(asked) == 0


@pytest.mark.parametrize("how", ["ask", "ask_until_answered"])
@pytest.mark.parametrize("why", [Unavailable("the broker is away"), TimeoutError("of the sender")])
async def test_what_sending_raises_is_the_askers_to_handle(how: str, why: Exception) -> None:
    asked = requests()

    async def fails(_ref: str, _reply_to: str) -> None:
        raise why

    with pytest.raises(type(why) if how == "ask" or isinstance(why, Unavailable) else NoAnswer):
        await getattr(asked, how)(fails)
    assert len(asked) == 0


async def test_what_was_asked_is_refused_when_the_mailbox_is_lost(sent: Sent) -> None:
    asked = requests()
    waiting = [asyncio.create_task(asked.ask(sent.send)) for _ in range(2)]
    for _ in waiting:
        await sent.next()
    asked.reopened()
    asked.answered("r.1", "too late")
    assert [type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)] == [AnswerLost] * 2
    assert len(asked) == 0


async def test_what_only_asks_is_asked_again_at_the_new_address(sent: Sent) -> None:
    addresses = iter(["mailbox.1", "mailbox.2"])
    asked = requests(lambda: next(addresses))
    first = asyncio.create_task(asked.ask_until_answered(sent.send))
    assert await sent.next() == ("r.1", "mailbox.1")
    asked.reopened()
    assert await sent.next() == ("r.2", "mailbox.2")
    asked.answered("r.2", "one")
    assert await first == "one"


# ── the revoked tokens ──


class Questions:
    """A bus that takes questions, after `refused` of them."""

    def __init__(self, refused: int) -> None:
        self.refused = refused
        self._asked: asyncio.Queue[str] = asyncio.Queue()

    async def publish(self, to: str, body: bytes) -> None:
        assert to == ACCOUNTS
        if self.refused:
            self.refused -= 1
            raise Unavailable("the broker is away")
        (wanted,) = decode(body)[0].messages
        assert isinstance(wanted, RevocationsWanted)
        self._asked.put_nowait(wanted.reply_to)

    def forget(self) -> None:
        self._asked = asyncio.Queue()

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self._asked.get()


@pytest.fixture
async def asking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[RevocationsAsker, Questions]]:
    """The bus is away at first."""
    monkeypatch.setattr(revocations, "UNSENT_S", 0.0)
    asker, questions, lives = RevocationsAsker(), Questions(refused=2), iter(range(1_000_000))
    task = asyncio.create_task(asker.run(cast(Bus, questions), lambda: f"mailbox.{next(lives)}"))
    yield asker, questions
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_question_is_asked_as_soon_as_the_bus_takes_it(asking: tuple[RevocationsAsker, Questions]) -> None:
    _, questions = asking
    assert await questions.next() == "mailbox.2"


async def test_after_a_loss_it_is_asked_at_once_at_the_new_address(asking: tuple[RevocationsAsker, Questions]) -> None:
    asker, questions = asking
    await questions.next()
    asker.missed()
    assert await questions.next() == "mailbox.3"
    asker.told()
    asker.missed()
    assert await questions.next() == "mailbox.4"


async def test_it_is_asked_again_until_the_answer_is_there(
    asking: tuple[RevocationsAsker, Questions], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "UNANSWERED_S", 0.0)
    asker, questions = asking
    for _ in range(3):
        await questions.next()
    asker.told()
    questions.forget()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await questions.next()
