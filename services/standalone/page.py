"""The web client's files, served as they were built, and compressed as they were built: nothing is compressed here."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from shared.runtime.health import Check
from shared.runtime.service import CannotStart

CODINGS = {"br": ".br", "gzip": ".gz"}
"""What web/precompressed.ts writes beside a file, the smaller first: the coding in HTTP, the end of the name."""


def accepted(header: str) -> frozenset[str]:
    """The codings that an `Accept-Encoding` names, without those that it refuses by `q=0`."""
    named = (each.partition(";") for each in "".join(header.lower().split()).split(","))
    return frozenset(name for name, _, q in named if not re.fullmatch(r"q=0(\.0*)?", q))


class _Built(StaticFiles):
    """Vite puts a digest of the content into the names under assets/, so those never change; the page itself does."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        lasting = path.startswith("assets/") and response.status_code in (200, 206, 304)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        request = Headers(scope=scope)
        path, status, headers = os.fspath(full_path), stat_result, {"Vary": "Accept-Encoding"}
        taken = accepted(request.get("accept-encoding", ""))
        for coding, end in CODINGS.items():
            if coding in taken and (found := _stat(path + end)):
                path, status = path + end, found
                headers["Content-Encoding"] = coding
                break
        headers["ETag"] = _etag(path, status.st_mtime_ns, status.st_size)
        kind = mimetypes.guess_type(full_path)[0] or "application/octet-stream"
        response = FileResponse(path, status_code, headers, kind, stat_result=status)
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, request) else response


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=1024)
def _etag(path: str, _changed_ns: int, _size: int) -> str:
    """Of the content: releases pack every file with the same time, and one index.html is as long as the next."""
    return f'"{hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()}"'


class Page:
    """The browser client as a service of the process. `folder`: what `make web` built."""

    name = "web"
    websocket: Callable[..., asyncio.Protocol] | None = None
    checks: Mapping[str, Check] = {}

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        return [Mount("/", _Built(directory=self._folder, html=True, check_dir=False))]

    async def start(self) -> None:
        if not (self._folder / "index.html").is_file():
            raise CannotStart(
                f"The web client is not built: there is no index.html in {self._folder}. `make run` builds it."
            )

    async def drain(self) -> None: ...

    async def stop(self) -> None: ...
