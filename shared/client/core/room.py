"""What the client knows of one room."""

from __future__ import annotations

from collections.abc import Callable

from shared.client.core.events import ClientError, JsonFrame, Message
from shared.client.core.room_log import RoomLog

Entered = Callable[[JsonFrame | ClientError], None]


class Room:
    """`after`: from where on the room is wanted, or None for its newest messages. `joined`: this connection sits in it.
    `online`: users by id, at most the first hundred when joined; `members`: how many. `entering`: who waits for the
    next
    `joined`, or why there is none. `caught_up`: nothing is known to be missing."""

    def __init__(self, name: str, keep: int | None, after: int | None) -> None:
        self.name = name
        self._keep, self._after = keep, after
        self.joining = False
        self.forget()
        self.members = 0
        self.online: dict[str, str] = {}
        self.entering: list[Entered] = []

    def entered(self, frame: JsonFrame) -> None:
        self.joined = True
        self.members = frame["members"]
        self.online = {user["id"]: user["name"] for user in frame["online"]}

    def log_joined(self, frame: JsonFrame, after: int | None, messages: list[Message]) -> list[Message]:
        """Takes the messages of a `joined` that asked for what follows `after`; gives those that can now be shown."""
        if after is None:
            return self.log.joined_fresh(messages, frame["seq"])
        return self.log.page(after, frame["seq"], messages, frame["more"])

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
        self.joined = self.repairing = self.caught_up = False
        if self._after is not None and seq is not None:
            self._after = min(self._after, seq)
        self.log = RoomLog(self._keep)
        if self._after is not None:
            self.log.begin_after(self._after)
