"""How memberships end: by oneself, here or elsewhere, or by somebody who has removed one. A `join` that the server gets
after that would undo it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from shared.client.core.events import ClientError, JsonFrame, Person, Refused
from shared.client.core.requests import Requests
from shared.client.core.room import Room

ASKED_AT_MOST: Final = 3
ENDED: Final = Refused("not_joined", "The membership has ended.")
OUT: Final = ("not_joined", "no_such_room")
"""What a room tells who is not in it: a public one, and a private one."""


class DeparturePorts(Protocol):
    """What leaving needs of the session."""

    def left(self, name: str, by: Person | None, why: Refused) -> None:
        """The membership has ended, perhaps by somebody: the room is forgotten."""

    def enter(self, room: Room) -> None:
        """We are to be in the room."""


class Departure:
    def __init__(self, ports: DeparturePorts, requests: Requests) -> None:
        self._ports, self._requests = ports, requests

    def leave(self, name: str, room: Room | None, done: Callable[[JsonFrame | ClientError], None]) -> None:
        """`room`: what is known of it."""
        if room is not None and room.joining:
            # That join may be asked once more: it is to be answered first.
            room.entering.append(lambda _: self.leave(name, room, done))
            return

        def answered(answer: JsonFrame | ClientError) -> None:
            # Asked again since its answer was lost, it finds no member any more.
            is_out = isinstance(answer, Refused) and answer.code in OUT and room is not None
            if is_out or not isinstance(answer, ClientError):
                self._ports.left(name, None, ENDED)
            elif room is not None:
                room.leaving = False
                self._ports.enter(room)
            done({"type": "left", "room": name} if is_out else answer)

        if room is not None:
            room.leaving = True
        self._requests.ask({"type": "leave", "room": name}, answered, ASKED_AT_MOST)

    def left(self, name: str, room: Room | None, by: Person | None) -> None:
        """The server says that the membership has ended."""
        if room is not None and room.joining:
            # What has been asked since may have come after that: its answer says whether we are in.
            room.joined, room.left_by = False, by
        else:
            self._ports.left(name, by, ENDED)
