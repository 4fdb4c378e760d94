"""`/healthz`: the process answers. `/readyz`: it may be given work, or the sentences that say why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], str | None]


class Readiness:
    """Gathers the checks of all services in a process. `draining` answers 503, so that balancers look elsewhere."""

    def __init__(self, checks: Sequence[tuple[str, Mapping[str, Check]]]) -> None:
        self._checks = [(f"{service}.{name}", check) for service, named in checks for name, check in named.items()]
        self.draining = False

    def troubles(self) -> dict[str, str]:
        """By check: a sentence for each that is not fine. Empty means ready."""
        found = {"process": "The server is about to close."} if self.draining else {}
        for name, check in self._checks:
            sentence = check()
            if sentence is not None:
                found[name] = sentence
        return found

    @property
    def routes(self) -> list[Route]:
        """The two addresses."""
        return [Route("/healthz", self._alive, methods=["GET"]), Route("/readyz", self._ready, methods=["GET"])]

    async def _alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def _ready(self, _request: Request) -> Response:
        troubles = self.troubles()
        body = {"status": "unavailable" if troubles else "ok", "troubles": troubles}
        return JSONResponse(body, status_code=503 if troubles else 200, headers={"Cache-Control": "no-store"})
