"""The web client's files, served as they were built."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from shared.runtime.health import Check
from shared.runtime.service import CannotStart


class _Built(StaticFiles):
    """Vite puts a digest of the content into the names under assets/, so those never change; the page itself does."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        lasting = path.startswith("assets/") and response.status_code == 200
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response


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
