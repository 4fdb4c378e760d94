"""The service's addresses: `POST /api/files`, `GET /api/files/{id}` and `GET /api/files/as/{user}/{id}`.

The last is the same file, for a page: by its path a browser knows which account's cookie to send. It names no right:
who asks is whom the cookie says. Where that is not there, as for whom the address was given on to, the shared one
counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.files.download import Download
from services.files.upload import Upload
from shared.protocol.errors import ErrorCode, Refused
from shared.tokens.verifier import Identity, Verifier

COOKIE = "homin_token"
OWN_COOKIE = "homin_token_as"


class Files:
    """Who asks is found out here; what is asked for, in upload.py and download.py."""

    def __init__(self, verifier: Verifier, upload: Upload, download: Download) -> None:
        self._verifier, self._upload, self._download = verifier, upload, download

    @property
    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/api/files", self._post, methods=["POST"]),
            Route("/api/files/{id}", self._get, methods=["GET"]),  # Starlette adds HEAD
            Route("/api/files/as/{user}/{id}", self._get, methods=["GET"]),
        ]

    async def _post(self, request: Request) -> Response:
        # No cookie here: another site's page could make a browser send it.
        return await self._upload(request, await self._identity(_bearer(request)))

    async def _get(self, request: Request) -> Response:
        cookies = request.cookies
        token = _bearer(request) or cookies.get(OWN_COOKIE) or cookies.get(COOKIE, "")
        return await self._download(request, await self._identity(token), request.path_params["id"])

    async def _identity(self, token: str) -> Identity:
        if not token:
            raise Refused(ErrorCode.UNAUTHORIZED, "Sign in first.")
        return await self._verifier.verify(token)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
