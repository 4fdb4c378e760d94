"""What every HTTP answer of a process has in common."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.protocol.errors import ErrorCode, Refused
from shared.runtime.app import application
from shared.runtime.headers import CONTENT_SECURITY_POLICY
from shared.runtime.health import Readiness

ROOT = Path(__file__).resolve().parents[3]


async def _refuse(request: Request) -> Response:
    raise Refused(ErrorCode(request.path_params["code"]), "A sentence.", retry_after_ms=1_200)


async def _break(_request: Request) -> Response:
    raise RuntimeError("a secret")


async def _strict(_request: Request) -> Response:
    return JSONResponse({}, headers={"Content-Security-Policy": "sandbox"})


ROUTES = [
    Route("/refuse/{code}", _refuse, methods=["GET"]),
    Route("/break", _break),
    Route("/strict", _strict),
]


@pytest.fixture
def troubles() -> dict[str, str | None]:
    """What the one check of the service says."""
    return {"database": None}


@pytest.fixture
def readiness(troubles: dict[str, str | None]) -> Readiness:
    return Readiness([("demo", {"database": lambda: troubles["database"]})])


@pytest.fixture
async def client(readiness: Readiness) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(ROUTES, readiness), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://homin.test") as client:
        yield client


@pytest.mark.parametrize("code", list(ErrorCode))
async def test_a_refusal_is_a_problem_with_a_code_of_the_table(client: httpx.AsyncClient, code: ErrorCode) -> None:
    answer = await client.get(f"/refuse/{code}")
    assert answer.status_code == code.http_status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "code", "detail", "retryable"}
    assert (problem["code"], problem["detail"]) == (code, "A sentence.")
    assert problem["retryable"] is code.retryable
    assert answer.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("DELETE", "/refuse/expired", 405, "method_not_allowed")],
)
async def test_what_starlette_refuses_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code


async def test_a_fault_of_ours_says_nothing_about_itself(client: httpx.AsyncClient) -> None:
    answer = await client.get("/break")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text


async def test_every_answer_tells_the_browser_what_it_may_not_do(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/nowhere", "/break", "/refuse/expired"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_the_page_behind_caddy_and_alone_has_one_policy() -> None:
    caddy = re.search(r'\?Content-Security-Policy "([^"]+)"', (ROOT / "deploy/Caddyfile").read_text())
    assert caddy is not None
    assert caddy[1] == CONTENT_SECURITY_POLICY
    listed = re.search(r"CONTENT_SECURITY_POLICY = \[(.+?)\]", (ROOT / "web/vite.config.ts").read_text(), re.DOTALL)
    assert listed is not None
    # Frames cannot be forbidden from within a page (CSP 3, 6.4.2).
    in_page = [*re.findall(r'"([^"]+)"', listed[1]), "frame-ancestors 'none'"]
    assert "; ".join(in_page) == CONTENT_SECURITY_POLICY


async def test_an_answer_may_be_stricter_than_the_rest(client: httpx.AsyncClient) -> None:
    assert (await client.get("/strict")).headers["content-security-policy"] == "sandbox"


async def test_a_process_is_ready_when_all_its_checks_are_fine(
    client: httpx.AsyncClient, troubles: dict[str, str | None]
) -> None:
    assert (await client.get("/readyz")).status_code == 200
    troubles["database"] = "It is away."
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["troubles"] == {"demo.database": "It is away."}
    assert (await client.get("/healthz")).status_code == 200


async def test_a_process_that_drains_is_not_ready_but_alive(client: httpx.AsyncClient, readiness: Readiness) -> None:
    readiness.draining = True
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/healthz")).status_code == 200


async def test_metrics_are_by_route_and_never_by_what_clients_ask_for(client: httpx.AsyncClient) -> None:
    await client.get("/refuse/expired")
    await client.get("/some-path-that-somebody-made-up")
    await client.request("INVENTED", "/healthz")
    metrics = (await client.get("/metrics")).text
    assert 'homin_http_requests_total{method="GET",route="/refuse/{code}",status="401"}' in metrics
    assert "made-up" not in metrics
    assert "INVENTED" not in metrics
    assert 'homin_http_request_seconds_bucket{le="0.001",route="/healthz"}' in metrics
    assert "process_open_fds" in metrics
