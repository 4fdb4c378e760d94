"""Who was in a room, in which role, and what held there, one entry after the other; and who may have seen what of a
private one. docs/protocol.md, promises 7 and 8. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from shared.protocol.room_names import is_own, is_private, own_room
from tests.witness import SETTINGS, stand

Record = dict[str, Any]
PLAIN: Record = {
    "title": "",
    "topic": "",
    "posting": "members",
    "invites": "members",
    "keep_days": 0,
    "archived": False,
}


class Standings:
    """Of one room. `stored`: its log as `history` gives it at the end, `stored` records in the order of `seq`. `seen`:
    (number, time) of everything from which a client knew that there is an entry of that number, or a later one."""

    def __init__(self, room: str, stored: Iterable[Record], seen: Iterable[tuple[int, float]]) -> None:
        self.room = room
        self._seqs, self._after = [0], [{**PLAIN, "people": dict[str, str]()}]
        self._admissions: dict[str, list[int]] = {}
        for entry in stored:
            if entry["what"] in ("member", "room"):
                before, now = self._after[-1], {**self._after[-1], "people": {**self._after[-1]["people"]}}
                said = {name: entry[name] for name in (*SETTINGS, "role") if name in entry}
                stand(now, {**said, "kind": entry["what"], "user": {"id": entry.get("user")}})
                for user in now["people"].keys() - before["people"].keys():
                    self._admissions.setdefault(user, []).append(entry["seq"])
                self._seqs.append(entry["seq"])
                self._after.append(now)
        newest_first = sorted(seen, reverse=True)
        self._known = [-seq for seq, _ in newest_first]
        self._known_at = list(accumulate((at for _, at in newest_first), min))

    @property
    def last(self) -> int:
        """The newest change of the room."""
        return self._seqs[-1]

    def as_of(self, seq: int) -> Record:
        """What held, and the role of each of its `people`."""
        return self._after[bisect_right(self._seqs, seq) - 1]

    def is_member(self, user: str, seq: int) -> bool:
        return user in self.as_of(seq)["people"]

    def is_member_since(self, user: str, seq: int) -> bool:
        """Whether the user was a member then, or at some time after that."""
        return any(user in each["people"] for each in self._after[bisect_right(self._seqs, seq) - 1 :])

    def is_out_after(self, user: str, seq: int) -> bool:
        """Whether it is a private room, and the user was no member of it at some time after that."""
        after = self._after[bisect_right(self._seqs, seq) - 1 :]
        return is_private(self.room) and any(user not in each["people"] for each in after)

    def was_never_out(self, user: str) -> bool:
        """Whether the user has been a member ever since he became one."""
        return len(self._admissions.get(user, ())) == 1 and user in self._after[-1]["people"]

    def may_see(self, user: str, seq: int, at: float) -> bool:
        """Whether what was said in a private room as its entry `seq` may have reached the user at that time: a member
        of then, or of later and not before it could be known that he is one."""
        if is_own(self.room):
            return self.room == own_room(user)
        if not is_private(self.room) or self.is_member(user, seq):
            return True
        later = next((admitted for admitted in self._admissions.get(user, ()) if admitted > seq), None)
        return later is not None and self._first_known(later) <= at

    def _first_known(self, seq: int) -> float:
        """When somebody first knew of this entry, or of a later one."""
        known = bisect_right(self._known, -seq)
        return self._known_at[known - 1] if known else float("inf")

    def differs(self, stands: Record, user: str, as_of: int) -> str:
        """How `stands` (see `recording.standing`) is otherwise than the room stood for this user; empty: it is not.
        Who is in a public room its log does not say."""
        expected, role = self.as_of(as_of), stands["role"]
        unlike = [name for name in SETTINGS if stands[name] != expected[name]]
        wrong = [f"{name} {stands[name]!r}, not {expected[name]!r}" for name in unlike]
        if is_private(self.room) and not is_own(self.room):
            people = expected["people"]
            if stands["people"] != people:
                wrong.append(f"people {stands['people']}, not {people}")
            if role != people.get(user):
                wrong.append(f"one's own role {role}, not {people.get(user)}")
        return "; ".join(wrong)
