"""What a change does to its message, or to its room, written once more: a second witness beside the client's fold and
the router's."""

from __future__ import annotations

from typing import Any

JsonFrame = dict[str, Any]
SETTINGS = ("title", "topic", "posting", "invites", "keep_days", "archived")


def stand(standing: JsonFrame, change: JsonFrame) -> None:
    """`standing`, what holds in a room and the role of each of its `people` by id, is as `change` leaves it."""
    if change["kind"] == "room":
        standing.update({name: change[name] for name in SETTINGS if name in change})
    elif change["kind"] == "member":
        standing["people"].pop(change["user"]["id"], None)
        if change.get("role") is not None:
            standing["people"][change["user"]["id"]] = change["role"]


def answer(root: JsonFrame, reply: JsonFrame) -> None:
    """`root` is as `reply`, the newest message under it, leaves it. What became of either does not matter."""
    before = root.get("replies") or {"count": 0}
    root["replies"] = {"count": before["count"] + 1, "last_seq": reply["seq"], "last_at": reply["at"]}


def happen(message: JsonFrame, change: JsonFrame) -> None:
    """`message` is as `change` leaves it."""
    if message["kind"] == "deleted":
        return
    match change["kind"]:
        case "edit":
            message.update(text=change["text"], edited_at=change["at"])
            message.pop("mentions", None)
            if change.get("mentions"):
                message["mentions"] = sorted(set(change["mentions"]))
        case "delete":
            message["kind"] = "deleted"
            for said in ("text", "file", "edited_at", "pinned", "reactions", "mentions"):
                message.pop(said, None)
        case "pin":
            message.pop("pinned", None)
            if change["on"]:
                message["pinned"] = True
        case "react":
            users = {each["emoji"]: list(each["users"]) for each in message.pop("reactions", [])}
            of_emoji, user = users.setdefault(change["emoji"], []), change["from"]["id"]
            if change["on"] and user not in of_emoji:
                of_emoji.append(user)
            if not change["on"] and user in of_emoji:
                of_emoji.remove(user)
            left = [{"emoji": emoji, "users": sorted(who)} for emoji, who in sorted(users.items()) if who]
            if left:
                message["reactions"] = left
