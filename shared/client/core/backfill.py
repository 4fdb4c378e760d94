"""Brings what a room's log lacks from history, a page at a time; and after a long absence its newest page alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from shared.client.core import events
from shared.client.core.events import ClientError, Entry, Event, JsonFrame, Page, Refused, entry_of
from shared.client.core.requests import Requests
from shared.client.core.room import Room
from shared.client.core.room_log import Told

PAGE: Final = 200


class BackfillPorts(Protocol):
    """What filling needs of the session."""

    def emit(self, event: Event) -> None: ...

    def tell(self, told: list[Told]) -> None:
        """The next entries of a room."""

    def found(self, entries: list[Entry]) -> None:
        """Entries came, perhaps not for the first time."""

    def not_joined(self, name: str) -> None:
        """The server said that we are not in the room; or it has to say anew how that stands."""

    def went_back(self, room: Room) -> None:
        """The store has another entry under some number."""


class Backfill:
    def __init__(self, ports: BackfillPorts, requests: Requests) -> None:
        self._ports, self._requests = ports, requests

    def repair(self, room: Room) -> None:
        """Asks for what is missing; says when nothing is missing any more."""
        if room.repairing or not room.joined:
            return
        log, hole = room.log, room.log.hole
        if hole is None:
            if not room.caught_up:
                room.caught_up = True
                self._ports.emit(events.CaughtUp(room.name, log.whole))
            return
        room.repairing, room.caught_up = True, False
        if room.is_far_behind:
            newest = log.target
            asked = {"before": newest + 1, "limit": room.newest_page}
            self._page(room, asked, lambda page: self._start_anew(room, newest, page))
        else:
            after, last = hole.first - 1, hole.last
            asked = {"after": after, "limit": min(PAGE, last - after)}

            def filled(page: Page) -> None:
                self._ports.tell(log.page(after, last, page.entries, page.more, page.seq))

            self._page(room, asked, filled)

    def begins(self, room: Room, first: int) -> None:
        """The server keeps nothing of the room before `first`."""
        told = room.log.begins(first)
        if told is not None:
            self._ports.emit(events.Expired(room.name, first))
            self._ports.tell(told)

    def _page(self, room: Room, asked: dict[str, int], take: Callable[[Page], None]) -> None:
        """Asks for a page, has it taken, and goes on where something is missing yet."""
        log, whole = room.log, room.log.whole

        def answered(answer: JsonFrame | ClientError) -> None:
            if log is not room.log:
                return
            room.repairing = False
            if isinstance(answer, ClientError):
                if isinstance(answer, Refused) and answer.code == "not_joined":
                    self._ports.not_joined(room.name)
                return
            page = page_of(answer)
            self._ports.found(page.entries)
            if log.contradicts(page.entries):
                self._ports.went_back(room)
                return
            self.begins(room, page.first)
            take(page)
            if log.standing is None:  # what was passed over may have changed it
                self._ports.not_joined(room.name)
            if log.whole != whole:  # else it does not answer what it was asked, and would not the next time either
                self.repair(room)

        self._requests.ask({"type": "history", "room": room.name, **asked}, answered)

    def _start_anew(self, room: Room, newest: int, page: Page) -> None:
        anew = room.log.start_anew(newest, page.messages, page.seq)
        if anew is not None:
            self._ports.emit(events.Skipped(room.name, *anew.passed, anew.through))
            self._ports.tell(anew.told)


def page_of(answer: JsonFrame) -> Page:
    """What a `history` frame lists."""
    return Page([entry_of(m) for m in answer["messages"]], answer["seq"], answer["more"], answer.get("first", 1))
