"""The gateway's settings; each bound of memory has its name here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.bus.settings import ServiceSettings
from shared.protocol.bus import ITEM_BYTES
from shared.protocol.client import KeepDays
from shared.protocol.names import FRAME_BYTES, TEXT_CHARS
from shared.tokens.settings import TokenSettings


class Settings(TokenSettings, ServiceSettings):
    auth_timeout_s: Annotated[float, Field(gt=0)] = 5.0
    """How long a connection may stay without a welcome."""
    auth_frame_bytes: Annotated[int, Field(ge=256)] = 4 << 10
    frame_bytes: Annotated[int, Field(ge=1024, le=ITEM_BYTES // 2)] = FRAME_BYTES
    """Bytes of a client's frame before and after the welcome."""
    text_chars: Annotated[int, Field(ge=1)] = TEXT_CHARS
    inline_file_bytes: Annotated[int, Field(ge=1)] = 512 << 10
    """Bytes of a file sent as a frame; larger ones go over HTTP."""
    frames_per_s: Annotated[float, Field(ge=0)] = 20.0
    frames_burst: Annotated[int, Field(ge=1)] = 40
    """Frames of one connection, in the long run and at once; 0 a second means no limit."""
    room_frames_per_s: Annotated[float, Field(ge=0)] = 500.0
    room_frames_burst: Annotated[int, Field(ge=1)] = 1_000
    """Messages into one room through one gateway, likewise: each of them goes to everyone there."""
    keep_days: KeepDays = 0
    """See the router's: clients are told."""
    server_ping_s: Annotated[float, Field(gt=0)] = 25.0
    """How often the server pings; a connection that shows no life until the next one is closed (4004)."""
    gateway_connections: Annotated[int, Field(ge=1)] = 18_000
    """Connections of one gateway; the next is refused with 503, so that the balancer tries another."""
    gateway_send_bytes: Annotated[int, Field(ge=1024)] = 1 << 20
    """Bytes that may wait for one slow client; from half of it on, presence and typing are dropped, beyond it: 4002."""
    gateway_compress_bytes: Annotated[int, Field(ge=0)] = 1 << 10
    """From so many bytes on a message is compressed for clients that ask for it; 0: for nobody."""
    gateway_forward_bytes: Annotated[int, Field(ge=1024)] = 4 << 20
    """Bytes of frames that may wait for one shard; beyond that clients are told `overloaded`."""
    gateway_body_bytes: Annotated[int, Field(ge=1024, le=ITEM_BYTES)] = 256 << 10
    """Bytes of one body to a shard, about."""
    gateway_linger_ms: Annotated[float, Field(ge=0)] = 40.0
    gateway_linger_frames_per_s: Annotated[float, Field(gt=0)] = 4_000.0
    """How long clients' frames are gathered for a shard when so many come, or more; with fewer proportionally less,
    down to nothing."""
    gateway_questions: Annotated[int, Field(ge=1)] = 200_000
    """Frames that have an answer (joins, pages …) and wait for it; more are told `overloaded`."""
    gateway_answer_s: Annotated[float, Field(gt=0)] = 8.0
    """How long such a frame may wait; then it is told `unavailable`, sooner than our clients lose their patience."""
    gateway_drain_s: Annotated[float, Field(ge=0)] = 10.0
    """Over how long a closing gateway sends its clients elsewhere."""
    file_settle_s: Annotated[float, Field(gt=0)] = 20.0
    """How long a `file` frame may hold back what its connection sends after it."""
    beat_s: Annotated[float, Field(gt=0)] = 5.0
