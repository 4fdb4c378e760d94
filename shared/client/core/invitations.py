"""Which invitations of one's own log are new, and to be accepted by a client that does so by itself."""

from __future__ import annotations

from shared.client.core.events import Message


class Invitations:
    """`room`: one's own log. New is what comes after the entries that were there when it was first joined."""

    def __init__(self) -> None:
        self.room = ""
        self._after: int | None = None

    def entered(self, room: str, seq: int) -> None:
        """`room` is joined; `seq` is its newest entry."""
        if room == self.room and self._after is None:
            self._after = seq

    def forget(self, room: str) -> None:
        """The numbers of `room` name something else from now on."""
        if room == self.room:
            self._after = None

    def invited_to(self, message: Message) -> str | None:
        """The room that `message` is a new invitation to."""
        is_new = message.room == self.room and self._after is not None and message.seq > self._after
        return message.about.room if is_new and message.kind == "invited" and message.about is not None else None
