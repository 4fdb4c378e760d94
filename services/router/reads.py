"""Reads from the store, beside the batches: history, the list of rooms, the start of a `join` after a long absence.

They never stand in the writer's way: a bounded number runs at once, a bounded number waits, the rest is refused. A page
of a room comes back to its writer, which alone knows what has happened since it was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

import structlog

from services.router.core import pages, rendering
from services.router.core.changes import Deep, DeepPage, Item
from services.router.core.entrance import after_of
from services.router.core.entries import Stored
from services.router.core.outgoing import Outgoing
from services.router.core.refusals import RETRY_AFTER_MS, refusal
from services.router.message_store import MessageStore, Summary
from services.router.outboxes import Outboxes
from shared.protocol.bus import Submit
from shared.protocol.client import PEOPLE_LIMIT, FindPeople, room_of
from shared.protocol.codec import render, timestamp
from shared.protocol.errors import ErrorCode
from shared.protocol.room_names import is_direct, is_private
from shared.protocol.server import JOIN_RECENT, PeopleList, RoomSummary
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.router")


class Reads:
    """`at_once`: reads under way. `waiting`: reads that may wait for a place. `answer_bytes`: of the messages that one
    answer lists; a read brings at most `HISTORY_LIMIT` of them into memory."""

    def __init__(
        self, store: MessageStore, outboxes: Outboxes, *, at_once: int, waiting: int, answer_bytes: int
    ) -> None:
        self._store, self._outboxes, self._answer_bytes = store, outboxes, answer_bytes
        self._places = asyncio.Semaphore(at_once)
        self._bound = at_once + waiting
        self._tasks: set[asyncio.Task[None]] = set()

    def read(self, deep: Deep, add: Callable[[Item], None]) -> None:
        """What a `history` or a `join` lists from further back than memory: with the page an item is added, to be
        handled in its turn."""
        self._ask(deep.by, self._page(deep, add))

    def rooms(self, submit: Submit) -> None:
        self._ask(submit, self._list_rooms(submit))

    def people(self, submit: Submit, frame: FindPeople) -> None:
        self._ask(submit, self._find_people(submit, frame))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Upkeep: never refused, since there is a bounded amount of it; tried again by the next tick."""
        self._run(self._quietly(work))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Upkeep of many steps: each takes a `turn`, so that questions go before the next."""
        self._run(work)

    @property
    def turn(self) -> asyncio.Semaphore:
        return self._places

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for a place."""
        return self._places.locked()

    def answer(self, submit: Submit, frame: bytes) -> None:
        out = Outgoing("")
        out.reply(submit, submit.frame.ref, frame)
        self._outboxes.send(out.done())

    def refuse(self, submit: Submit, code: ErrorCode) -> None:
        self.answer(submit, render(refusal(code, submit.frame.ref, RETRY_AFTER_MS)))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ask(self, submit: Submit, work: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= self._bound:
            work.close()
            self.refuse(submit, ErrorCode.OVERLOADED)
            return
        self._run(self._answered(submit, work))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answered(self, submit: Submit, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with self._places:
                await work
        except Exception as why:
            if not isinstance(why, StoreDown):
                log.exception("a read failed", frame=submit.frame.type)
            self.refuse(submit, ErrorCode.UNAVAILABLE)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with self._places:
                await work
        except StoreDown as why:
            log.warning("upkeep waits for the database", why=str(why).splitlines()[0])
        except Exception:
            log.exception("upkeep failed")

    async def _page(self, deep: Deep, add: Callable[[Item], None]) -> None:
        frame, thread = deep.frame, None
        if frame.type == "history":
            before, after, limit, thread = frame.before, frame.after, frame.limit, frame.thread
        else:
            before, after = None, after_of(frame)
            limit = JOIN_RECENT if after is None else pages.JOIN_PAGE
        room = room_of(frame, deep.by.user.id)
        found = await self._store.page(room, before=before, after=after, limit=limit, thread=thread)
        fit = pages.fitting(found.entries, after, self._answer_bytes)
        more = found.more or len(fit) < len(found.entries)
        add(Item(DeepPage(by=deep.by, page=fit, as_of=found.seq, more=more)))

    async def _find_people(self, submit: Submit, frame: FindPeople) -> None:
        found = await self._store.people(frame.q, PEOPLE_LIMIT)
        self.answer(submit, render(PeopleList(people=found, ref=frame.ref)))

    async def _list_rooms(self, submit: Submit) -> None:
        found = await self._store.rooms_of(submit.user.id)
        self.answer(submit, rendering.rooms(list(summaries(found, self._answer_bytes)), submit.frame.ref))


def summaries(found: Iterable[Summary], bytes_: int) -> Iterator[tuple[RoomSummary, Stored | None]]:
    """The entries of `rooms`, each with its newest message as far as they fit into `bytes_`; of the others it is said
    when they came."""
    for room in found:
        last, last_at = room.last, None
        if last is not None and len(last.frame) > bytes_:
            last_at, last = timestamp(last.at_ms), None
        elif last is not None:
            bytes_ -= len(last.frame)
        yield (
            RoomSummary(
                room=room.room,
                title=room.rules.title or None,
                private=is_private(room.room) or None,
                with_=list(room.with_) if is_direct(room.room) else None,
                role=room.role,
                archived=room.rules.archived or None,
                seq=room.seq,
                read_seq=room.read_seq,
                unread=room.unread,
                mentions=room.mentions or None,
                notify=room.notify,
                members=room.online,
                last_at=last_at,
            ),
            last,
        )
