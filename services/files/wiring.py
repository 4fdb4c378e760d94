"""The only place that picks the file service's adapters."""

from __future__ import annotations

import secrets
import time

from services.files.access import RoomAccess
from services.files.download import Download
from services.files.http import Files
from services.files.ingest import Ingest
from services.files.mail import Mail
from services.files.objects import open_objects
from services.files.posting import Posting
from services.files.service import FileService
from services.files.settings import Settings
from services.files.sql import SqlFileStore
from services.files.upkeep import Upkeep
from services.files.upload import Upload
from services.files.whereabouts import look_for_newest
from services.files.work import FrameWork
from shared.bus.port import Bus, Consumer
from shared.bus.requests import Requests
from shared.protocol.bus import Access
from shared.runtime.database import open_engine, wait_for_database
from shared.tokens.jwks import Fetch
from shared.tokens.verifier import Verifier

CONNECTIONS = 10
LATE = 2
"""An upload that is so many times over its time is no more under way, whatever the clocks say."""


def build(settings: Settings, bus: Bus, *, fetch_keys: Fetch | None = None) -> FileService:
    """The service, not started yet. `fetch_keys`: gives the issuer's keys; by default they come from `jwks_url`.

    CannotStart where there is neither."""
    source = f"files.{settings.instance}"
    engine = open_engine(settings.database_url, pool_size=CONNECTIONS, check_connections=True)
    store = SqlFileStore(engine)
    objects = open_objects(
        settings.objects_url,
        part_bytes=settings.files_part_bytes,
        chunk_bytes=settings.files_chunk_bytes,
        request_s=settings.files_object_s,
    )
    verifier = Verifier(settings, fetch=fetch_keys)
    questions = Requests[Access](lambda: service.address, patience_s=settings.files_access_s)
    posts = Requests[bytes](lambda: service.address, patience_s=settings.files_access_s, prefix="upload.")
    access = RoomAccess(bus, source, settings.shards, questions, bound=settings.files_asks)
    ingest = Ingest(store, objects, _new_id, _clock)
    posting = Posting(bus, source, settings.shards, store, posts)
    upload = Upload(
        access,
        ingest,
        posting,
        _new_id,
        limit=settings.file_bytes,
        places=settings.files_uploads,
        places_each=settings.files_uploads_per_user,
        idle_s=settings.files_idle_s,
        whole_s=settings.files_upload_s,
    )
    download = Download(store, objects, access, places=settings.files_downloads, idle_s=settings.files_idle_s)

    def new_work(consumer: Consumer) -> FrameWork:
        return FrameWork(
            consumer,
            bus,
            source,
            access,
            ingest,
            posting,
            limit=settings.inline_file_bytes,
            at_once=settings.files_frames,
            behind=settings.files_prefetch,
        )

    async def prepare() -> None:
        await wait_for_database(settings.database_url)
        await look_for_newest(store, objects, settings.objects_url)

    service = FileService(
        bus,
        settings.instance,
        Files(verifier, upload, download),
        Mail(bus, questions, posts, verifier, asks_accounts=not settings.outside_issuer),
        Upkeep(
            store,
            ingest,
            posting,
            _clock,
            every_s=settings.files_upkeep_s,
            late_s=LATE * settings.files_upload_s,
        ),
        new_work,
        verifier,
        store,
        prefetch=settings.files_prefetch,
        prepare=prepare,
        dispose=engine.dispose,
    )
    return service


def _new_id() -> str:
    return secrets.token_hex(16)


def _clock() -> float:
    return time.time() * 1000
