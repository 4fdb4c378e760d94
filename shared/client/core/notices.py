"""What the server says by itself that is no entry of a room: who is there, who types, how far somebody has read, of
what one is alerted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.client.core import events
from shared.client.core.events import Event, JsonFrame
from shared.client.core.room import Room


class Notices:
    """`rooms`: those that are known, by name. `user_id`: whose session it is."""

    def __init__(self, rooms: Mapping[str, Room], emit: Callable[[Event], None]) -> None:
        self._rooms, self._emit = rooms, emit
        self.user_id = ""

    def receive(self, frame: JsonFrame) -> None:
        """Any frame; nothing where it is no such notice."""
        if (handler := _HANDLERS.get(frame["type"])) is not None:
            handler(self, frame)

    def told(self) -> dict[str, int]:
        """How much each room's marks were told up to now: for `listed`."""
        return {name: room.marks.told for name, room in self._rooms.items()}

    def listed(self, answer: JsonFrame, told: Mapping[str, int]) -> None:
        """Takes the answer to `rooms`, which was asked for when so much was `told`."""
        for summary in answer["rooms"]:
            room = self._rooms.get(summary["room"])
            if room is not None and room.name in told:
                room.marks.listed(summary, told[room.name])

    def _presence(self, frame: JsonFrame) -> None:
        if (room := self._rooms.get(frame["room"])) is not None:
            room.present(frame)
        user = frame.get("user", {})
        self._emit(events.PresenceChanged(frame["room"], user.get("id"), frame.get("online"), frame["members"]))

    def _typing(self, frame: JsonFrame) -> None:
        self._emit(events.Typing(frame["room"], frame["user"]["id"]))

    def _read(self, frame: JsonFrame) -> None:
        room, user, seq = self._rooms.get(frame["room"]), frame["user"]["id"], frame["seq"]
        if room is not None and user == self.user_id:
            room.marks.read_up_to(seq)
        self._emit(events.ReadUpTo(frame["room"], user, seq))

    def _alerted(self, frame: JsonFrame) -> None:
        if (room := self._rooms.get(frame["room"])) is not None:
            room.marks.alerted_of(frame["level"])
        self._emit(events.AlertedOf(frame["room"], frame["level"]))

    def _error(self, frame: JsonFrame) -> None:
        self._emit(events.Notice(frame["code"], frame["text"]))


_HANDLERS: Final[dict[str, Callable[[Notices, JsonFrame], Any]]] = {
    "presence": Notices._presence,
    "typing": Notices._typing,
    "read": Notices._read,
    "notify": Notices._alerted,
    "error": Notices._error,
}
