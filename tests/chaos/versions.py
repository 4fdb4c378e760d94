"""What a room's messages have looked like, one change after the other, and who shows them otherwise. docs/protocol.md,
promises 7 and 8. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from tests.witness import answer, happen

Record = dict[str, Any]
NOTICES = ("invited", "removed", "mention")
MESSAGES = ("chat", "file", "deleted", *NOTICES)
UNKNOWN = "\0"
"""In place of what nobody has written whose history there is: no text has this character."""
SAID = (
    "what", "text", "reply_to", "thread", "edited_at", "pinned", "reactions", "replies", "mentions", "about", "calls"
)  # fmt: skip


class Written(NamedTuple):
    """`mentions`: sorted user ids."""

    text: str
    mentions: Any


BY_NOBODY = Written(UNKNOWN, UNKNOWN)
Texts = Mapping[tuple[str, str], Written]
"""What was written in a room, by (user, id)."""


class Version(NamedTuple):
    """A message as the entry `seq` left it: its own number, or a change's."""

    seq: int
    said: Record


def look(said: Record) -> Record:
    """What a message says; what says nothing left out."""
    return {name: said[name] for name in SAID if said.get(name)}


def is_like(seen: Record, version: Record) -> bool:
    unknown = {name: None for name in ("what", "text", "mentions") if version.get(name) == UNKNOWN}
    return look({**seen, **unknown}) == look({**version, **unknown})


class Versions:
    """Of one room. `stored`: its log as `history` gives it at the end, `stored` records in the order of `seq`."""

    def __init__(self, stored: Iterable[Record], texts: Texts) -> None:
        self._of: dict[int, list[Version]] = {}
        self.deleted_by: dict[int, int] = {}
        """Of each deleted message the number of its deletion."""
        for entry in stored:
            written = texts.get((entry["sender"], entry["id"]), BY_NOBODY)
            if entry["what"] in MESSAGES:
                self._begin(entry, written)
                self._answer(entry)
            elif entry.get("of") in self._of:
                self._change(entry, written)

    def _begin(self, entry: Record, written: Written) -> None:
        """Whatever became of a message, it began with what was written. Nobody writes what stands in one's own log."""
        if entry["what"] in NOTICES:
            self._of[entry["seq"]] = [Version(entry["seq"], look(entry))]
            return
        text, mentions = written
        what = UNKNOWN if entry["what"] == "deleted" and text == UNKNOWN else "chat"
        if entry["what"] == "file" or not text:
            what, text, mentions = "file", "", []
        answered: Record = {name: entry[name] for name in ("reply_to", "thread") if name in entry}
        said: Record = {"what": what, "text": text, "mentions": mentions, **answered}
        self._of[entry["seq"]] = [Version(entry["seq"], said)]

    def _answer(self, entry: Record) -> None:
        """The message under which it stands counts it from now on."""
        versions = self._of.get(entry.get("thread", 0), [])
        if versions:
            root = deepcopy(versions[-1].said)
            answer(root, {"seq": entry["seq"], "at": entry["made"]})
            versions.append(Version(entry["seq"], root))

    def _change(self, entry: Record, written: Written) -> None:
        versions = self._of[entry["of"]]
        message = deepcopy(versions[-1].said)
        message["kind"] = message["what"]
        change = {
            **entry,
            "kind": entry["what"],
            "from": {"id": entry["sender"]},
            "at": entry["made"],
            "text": written.text,
        }
        change["mentions"] = written.mentions
        happen(message, change)
        if entry["what"] == "edit" and written is BY_NOBODY and message["kind"] != "deleted":
            message["mentions"] = UNKNOWN
        message["what"] = message.pop("kind")
        if entry["what"] == "delete":
            self.deleted_by.setdefault(entry["of"], entry["seq"])
        versions.append(Version(entry["seq"], message))

    def of(self, seq: int) -> list[Version]:
        """As it began, and as each entry left it."""
        return self._of[seq]

    def last(self, seq: int) -> Record:
        return self._of[seq][-1].said

    def is_seen_rightly(self, seq: int, said: Record, as_of: int) -> bool:
        """Whether the message was like that once all changes up to `as_of` had happened, or later."""
        versions = self._of.get(seq)
        if versions is None:
            return False
        first = max(n for n, version in enumerate(versions) if version.seq <= max(as_of, seq))
        return any(is_like(said, version.said) for version in versions[first:])

    def is_text_of(self, change: Record) -> bool:
        """Whether an edit that came bears a text, and calls whom, that its message has had since."""
        versions = [version for version in self._of.get(change["of"], []) if version.seq >= change["seq"]]
        texts = [(version.said.get("text", ""), version.said.get("mentions") or []) for version in versions]
        bears = change["text"], change.get("mentions") or []
        return bears in texts or BY_NOBODY in texts or not versions

    def __iter__(self) -> Iterator[int]:
        return iter(self._of)


def versions_of(logs: Mapping[str, Iterable[Record]], texts: Mapping[str, Texts]) -> dict[str, Versions]:
    """Of each room."""
    return {room: Versions(log, texts.get(room, {})) for room, log in logs.items()}


def texts_of(written: Iterable[tuple[str, Record]]) -> dict[str, dict[tuple[str, str], Written]]:
    """By room, of (user, `write` record)."""
    texts: dict[str, dict[tuple[str, str], Written]] = defaultdict(dict)
    for user, record in written:
        texts[record["room"]][user, record["id"]] = Written(record["text"], record.get("mentions", []))
    return texts
