"""The numbers that a process shows at `/metrics`, in Prometheus' text format.

Metrics are made once, where a module is imported, by the functions here; their names get the prefix `homin_`.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.gc_collector import GCCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

disable_created_metrics()  # type: ignore[no-untyped-call]
registry = CollectorRegistry()
ProcessCollector(registry=registry)
GCCollector(registry=registry)

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def counter(name: str, what: str, labels: Sequence[str] = ()) -> Counter:
    """A count that only grows: `homin_<name>_total`."""
    return Counter(f"homin_{name}", what, labels, registry=registry)


def gauge(name: str, what: str, labels: Sequence[str] = ()) -> Gauge:
    """A value that goes up and down: `homin_<name>`."""
    return Gauge(f"homin_{name}", what, labels, registry=registry)


def histogram(name: str, what: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS) -> Histogram:
    """A distribution: `homin_<name>`; by default of seconds, from half a millisecond to ten seconds."""
    return Histogram(f"homin_{name}", what, labels, buckets=buckets, registry=registry)


def _metrics(_request: Request) -> Response:
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _show(request: Request) -> Response:
    # A coroutine, since Starlette would run a plain function in a thread; this takes about a millisecond.
    return _metrics(request)


metrics_route = Route("/metrics", _show, methods=["GET"])
