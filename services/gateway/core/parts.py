"""A `resume` goes to several shards, to each a part of it."""

from __future__ import annotations

from collections import defaultdict

from shared.protocol.client import Resume, RoomAfter
from shared.protocol.names import shard_of


def parts(frame: Resume, shards: int) -> list[Resume]:
    """`frame`, of which each part names the rooms of one shard."""
    by_shard: dict[int, list[RoomAfter]] = defaultdict(list)
    for each in frame.rooms:
        by_shard[shard_of(each.room, shards)].append(each)
    return [Resume.model_construct(type="resume", ref=frame.ref, rooms=rooms) for rooms in by_shard.values()]
