"""Who was surely, and who perhaps, a member of a room when an entry of it came to be. Of a private one its log says it;
who comes and goes in a public one is known from what clients did and were told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.protocol.room_names import is_private
from tests.chaos.evidence import Client, Log
from tests.chaos.memberships import Standings


class Attendance:
    def __init__(self, clients: Iterable[Client], logs: Mapping[str, Log], standings: Mapping[str, Standings]) -> None:
        self._standings = standings
        self._since: dict[tuple[str, str], int] = {}
        """The lowest number with which somebody was told that he is in a room, or that he gave it as a member."""
        self._went: set[tuple[str, str]] = set()
        for client in clients:
            for record in client.records:
                kind, key = record["kind"], (record.get("room", ""), client.user)
                if kind == "joined":
                    self._heard(key, record["seq"])
                elif kind in ("left", "leave"):
                    self._went.add(key)
        for room, log in logs.items():
            for entry in log.entries:
                self._heard((room, entry["sender"]), entry["seq"])
                if entry["what"] == "member" and entry.get("role") is None:
                    self._went.add((room, entry["user"]))

    def _heard(self, key: tuple[str, str], seq: int) -> None:
        self._since[key] = min(seq, self._since.get(key, seq))

    def surely(self, room: str, user: str, seq: int) -> bool:
        """Whether the user was a member when the entry `seq` came to be."""
        if is_private(room):
            return self._standings[room].is_member(user, seq)
        key = room, user
        return key not in self._went and key in self._since and self._since[key] < seq

    def since(self, room: str, user: str) -> int | None:
        """A number before which the user has been a member ever since; None: that is not known."""
        return None if self.went(room, user) else self._since.get((room, user))

    def ever_since(self, room: str, user: str, seq: int) -> bool:
        """Whether the user may have been one then or later."""
        return not is_private(room) or self._standings[room].is_member_since(user, seq)

    def went(self, room: str, user: str) -> bool:
        """Whether a membership of the user may have ended."""
        key = room, user
        return key in self._went or (is_private(room) and not self._standings[room].was_never_out(user))

    def people(self, room: str, seq: int) -> list[str]:
        """The members of a private room then."""
        return sorted(self._standings[room].as_of(seq)["people"])
