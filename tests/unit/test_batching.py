"""A hop sends at once when idle and gathers while a send is under way."""

from __future__ import annotations

import asyncio

import pytest

from shared.bus.batching import Batcher, Full, Linger


class Line:
    """Takes batches; while `held`, a send is under way until it is let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.begun: asyncio.Queue[list[str]] = asyncio.Queue()
        self.let_go = asyncio.Semaphore(0 if held else 1_000_000)
        self.fails: list[Exception] = []
        self.at_once = 0

    async def send(self, batch: list[str]) -> None:
        self.at_once += 1
        assert self.at_once == 1, "one batch at a time"
        self.batches.append(batch)
        self.begun.put_nowait(batch)
        await self.let_go.acquire()
        self.at_once -= 1
        if self.fails:
            raise self.fails.pop(0)


def batcher(line: Line, bound: int = 1_000, batch_bytes: int = 100, linger: Linger | None = None) -> Batcher[str]:
    return Batcher(line.send, bound=bound, batch_bytes=batch_bytes, linger=linger)


async def test_an_idle_hop_sends_at_once() -> None:
    line = Line()
    hop = batcher(line)
    await hop.put("a", 1)
    await hop.put("b", 1)
    assert line.batches == [["a"], ["b"]]


async def test_what_comes_while_a_send_is_under_way_goes_together_next_in_order() -> None:
    line = Line(held=True)
    hop = batcher(line)
    hop.put("a", 1)
    await line.begun.get()
    outcomes = [hop.put(item, 1) for item in "bcde"]
    assert not any(outcome.done() for outcome in outcomes)
    for _ in range(2):
        line.let_go.release()
    await asyncio.gather(*outcomes)
    assert line.batches == [["a"], ["b", "c", "d", "e"]]


async def test_a_batch_has_its_bytes_at_most_and_a_larger_item_goes_alone() -> None:
    line = Line(held=True)
    hop = batcher(line, batch_bytes=10)
    hop.put("first", 1)
    await line.begun.get()
    for name, size in [("a", 4), ("b", 6), ("c", 1), ("huge", 50), ("d", 1), ("e", 9), ("f", 1)]:
        hop.put(name, size)
    for _ in range(10):
        line.let_go.release()
    await hop.flush()
    assert line.batches == [["first"], ["a", "b"], ["c"], ["huge"], ["d", "e"], ["f"]]


async def test_items_of_a_batch_share_its_outcome_and_no_other_s() -> None:
    line = Line(held=True)
    hop = batcher(line)
    first = hop.put("a", 1)
    await line.begun.get()
    second, third = hop.put("b", 1), hop.put("c", 1)
    assert first is not second
    assert second is third
    line.fails.append(ConnectionError("lost"))
    line.let_go.release()
    line.let_go.release()
    with pytest.raises(ConnectionError, match="lost"):
        await first
    await second


async def test_a_failed_send_stops_nothing() -> None:
    line = Line()
    hop = batcher(line)
    line.fails.append(ConnectionError("lost"))
    with pytest.raises(ConnectionError):
        await hop.put("a", 1)
    await hop.put("b", 1)
    assert line.batches == [["a"], ["b"]]


async def test_what_waits_and_what_is_under_way_is_bounded_and_refused_beyond() -> None:
    line = Line(held=True)
    hop = batcher(line, bound=10)
    hop.put("a", 6)
    await line.begun.get()
    hop.put("b", 4)
    with pytest.raises(Full):
        hop.put("c", 1)
    assert hop.bytes == 10
    line.let_go.release()
    assert await line.begun.get() == ["b"]
    hop.put("c", 6)
    line.let_go.release()
    line.let_go.release()
    await hop.flush()
    assert (line.batches, hop.bytes) == ([["a"], ["b"], ["c"]], 0)


async def test_an_item_larger_than_the_bound_passes_when_nothing_waits() -> None:
    line = Line()
    await batcher(line, bound=10).put("huge", 100)
    assert line.batches == [["huge"]]


async def test_room_is_given_back_after_a_failure_too() -> None:
    line = Line()
    hop = batcher(line, bound=10)
    line.fails.append(ConnectionError("lost"))
    with pytest.raises(ConnectionError):
        await hop.put("a", 10)
    await hop.put("b", 10)
    assert hop.bytes == 0


async def test_flush_waits_until_nothing_waits() -> None:
    line = Line(held=True)
    hop = batcher(line)
    await hop.flush()
    hop.put("a", 1)
    await line.begun.get()
    hop.put("b", 1)
    flushing = asyncio.create_task(hop.flush())
    line.let_go.release()
    await line.begun.get()
    assert not flushing.done()
    line.let_go.release()
    await flushing
    assert line.batches == [["a"], ["b"]]


async def test_a_busy_hop_that_lingers_gathers_what_comes_meanwhile() -> None:
    line = Line(held=True)
    hop = batcher(line, linger=Linger(0.02, full=0.1))
    hop.put("a", 1)
    await line.begun.get()
    hop.put("b", 1)
    hop.put("c", 1)
    for _ in range(5):
        line.let_go.release()
    assert await line.begun.get() == ["b", "c"]
    await asyncio.sleep(0)
    hop.put("d", 1)
    await asyncio.sleep(0)
    hop.put("e", 1)
    assert await line.begun.get() == ["d", "e"]
    await hop.flush()


async def test_a_hop_with_little_to_do_hardly_gathers() -> None:
    line = Line()
    hop = batcher(line, linger=Linger(3_600, full=1e12))
    async with asyncio.timeout(20):
        for item in "abc":
            await hop.put(item, 1)
    assert line.batches == [["a"], ["b"], ["c"]]


async def test_hops_that_share_a_pace_send_at_the_end_of_the_same_window() -> None:
    linger = Linger(0.05, full=0.1)
    lines = [Line(), Line()]
    hops = [batcher(line, linger=linger) for line in lines]
    await hops[0].put("begins the interval", 1)
    ended = [hop.put(item, 1) for item in "abc" for hop in hops]
    assert not any(outcome.done() for outcome in ended)
    await asyncio.gather(*ended)
    assert [line.batches[-1] for line in lines] == [["a", "b", "c"], ["a", "b", "c"]]


async def test_an_outcome_that_nobody_awaits_is_no_complaint() -> None:
    line = Line()
    line.fails.append(ConnectionError("lost"))
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    hop = batcher(line)
    hop.put("a", 1)
    await hop.flush()
    del hop
    assert complaints == []
