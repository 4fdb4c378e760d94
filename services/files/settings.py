"""The file service's settings; each bound of memory, time and number has its name here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.bus.settings import ServiceSettings
from shared.tokens.settings import TokenSettings


class Settings(TokenSettings, ServiceSettings):
    file_bytes: Annotated[int, Field(ge=1)] = 100 << 20
    """The largest file that an upload may bring."""
    inline_file_bytes: Annotated[int, Field(ge=1)] = 512 << 10
    """The largest file that a `file` frame may bring."""
    files_uploads: Annotated[int, Field(ge=1)] = 32
    """Uploads over HTTP at once; each holds up to `files_part_bytes` × 3 in memory."""
    files_uploads_per_user: Annotated[int, Field(ge=1)] = 4
    files_part_bytes: Annotated[int, Field(ge=5 << 20)] = 5 << 20
    """Bytes of one part on the way to the object store (S3 takes no less than 5 MiB)."""
    files_upload_s: Annotated[float, Field(gt=0)] = 3600.0
    """The longest that one upload may take."""
    files_idle_s: Annotated[float, Field(gt=0)] = 30.0
    """The longest that a peer may leave an upload or a download standing still."""
    files_downloads: Annotated[int, Field(ge=1)] = 512
    """Downloads at once."""
    files_chunk_bytes: Annotated[int, Field(ge=4096)] = 256 << 10
    """Bytes that a download reads ahead, about."""
    files_object_s: Annotated[float, Field(gt=0)] = 3600.0
    """The longest that one request to a remote object store may take, its body included."""
    files_access_s: Annotated[float, Field(gt=0)] = 5.0
    """How long the router may take to say whether someone is a member, or that a file has become a message."""
    files_asks: Annotated[int, Field(ge=1)] = 10_000
    """Such questions under way."""
    files_frames: Annotated[int, Field(ge=1)] = 16
    """Files out of `file` frames that are stored at once."""
    files_prefetch: Annotated[int, Field(ge=1)] = 32
    """Bodies with `file` frames held unacknowledged."""
    files_upkeep_s: Annotated[float, Field(gt=0)] = 30.0
    """How often files that were stored and not posted are posted, and what was left half done is removed."""
