"""What the client knows of one room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.client.core.events import ClientError, Entry, JsonFrame, Message, Person
from shared.client.core.marks import Marks, Unread, unread
from shared.client.core.room_log import RoomLog, Told
from shared.client.core.standing import standing_of

NEWEST: Final = 50
Entered = Callable[[JsonFrame | ClientError], None]


class Room:
    """`after`: from where on all of the room is wanted, or None for its newest messages: of its entries at most
    `catch_up` are fetched after an absence (None: all). `joined`: this connection has joined it; `was_joined`: one has;
    `held`: one has, and the log is of the same store; `leaving`: the server was asked to end the membership.
    `private`: only its members know of it; `log.standing`: who they are, and what holds. `online`: users by id,
    at most the first hundred when joined; `members`: how many. `entering`: who waits for the next `joined`, or why
    there is none. `caught_up`: nothing is known to be missing. `newest_page`: with how many messages it starts
    anew. `left_by`: who has removed us while we asked to come in. `marks`: what is one's own of it."""

    def __init__(self, name: str, keep: int | None, after: int | None, catch_up: int | None) -> None:
        self.name = name
        self._keep, self._after = keep, after
        self._catch_up = catch_up if after is None else None
        self.newest_page = NEWEST if catch_up is None else max(1, min(NEWEST, catch_up))
        self.joining = self.leaving = self.was_joined = self.private = False
        self.forget()
        self.members = 0
        self.online: dict[str, str] = {}
        self.entering: list[Entered] = []
        self.left_by: Person | None = None
        self.marks = Marks()

    def entered(self, frame: JsonFrame) -> None:
        self.joined, self.was_joined, self.held, self.left_by = True, True, True, None
        self.private = frame.get("private", False)
        self.members = frame["members"]
        self.online = {user["id"]: user["name"] for user in frame["online"]}

    def log_joined(self, frame: JsonFrame, after: int | None, entries: list[Entry], me: str) -> list[Told]:
        """Takes what a `joined` says to the user `me`, who asked for what follows `after`; gives what can now be
        told."""
        self.log.stands(standing_of(frame, me))
        seq: int = frame["seq"]
        as_of: int = frame.get("as_of", seq)
        if after is None:
            messages = [entry for entry in entries if isinstance(entry, Message)]
            return self.log.joined_fresh(messages, seq, as_of, frame["more"])
        self.log.expect(seq)
        if self.is_far_behind:
            return []  # they are the oldest of what was missed, and it starts anew at the newest
        return self.log.page(after, as_of, entries, frame["more"], as_of)

    @property
    def is_far_behind(self) -> bool:
        """Whether more is missing than is fetched by itself."""
        return self._catch_up is not None and self.log.missing > self._catch_up

    def unread(self, me: str) -> Unread | None:
        """What the user `me` has not read; None where that cannot be told from what is held here."""
        read = self.marks.read_seq
        if read is None or not self.log.is_whole or self.log.held_from > max(read + 1, self.log.first):
            return None
        return unread(self.log.messages, read, me)

    def present(self, frame: JsonFrame) -> None:
        self.members = frame["members"]
        if (present := frame.get("present")) is not None:
            self.online = {user["id"]: user["name"] for user in present}
        elif (user := frame.get("user")) is not None:
            if frame["online"]:
                self.online[user["id"]] = user["name"]
            else:
                self.online.pop(user["id"], None)

    def disconnected(self) -> None:
        self.joined = self.joining = self.repairing = self.caught_up = False

    def forget(self, seq: int | None = None) -> None:
        """What came from a message store that is no more; the room is to be entered anew. `seq`: its newest number now,
        beyond which nothing can be wanted."""
        self.joined = self.held = self.repairing = self.caught_up = False
        self.marks = Marks()
        if self._after is not None and seq is not None:
            self._after = min(self._after, seq)
        self.log = RoomLog(self._keep)
        if self._after is not None:
            self.log.begin_after(self._after)
