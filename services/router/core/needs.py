"""What a batch needs of the store beyond the room in memory, asked before it is stepped and loaded in one go.

A message that is sent again may be older than memory. Nearly no message is, and the store knows every id anyhow: so at
first an id that is not in memory counts as new, without a read, and only of a batch that the store has sent back are
the ids looked up. What a `join` or a `history` lists from further back is no need of the batch: the step names it
(`Changes.reads`) and it is read beside, so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from services.router.core.changes import Item
from services.router.core.room import Stored

Key = tuple[str, str]
"""The (sender, id) of a message."""
Older = Mapping[Key, Stored]
"""Messages that were looked up."""
NOTHING: Older = MappingProxyType({})


def needs(items: Iterable[Item], sent_back: bool) -> list[Key]:
    """The messages to look up for a room's `items`. `sent_back`: the store has refused what was decided on them. Those
    in memory are among them, since the batch's own messages may push them out before their turn."""
    return [key for item in items if (key := item.idempotency_key) is not None] if sent_back else []
