"""The only place that picks the gateway's adapters."""

from __future__ import annotations

import time

from services.gateway.forward import Forward
from services.gateway.hub import Hub
from services.gateway.service import Gateway
from services.gateway.settings import Settings
from shared.bus.batching import Linger
from shared.bus.port import Bus
from shared.tokens.jwks import Fetch
from shared.tokens.verifier import Verifier


def build(settings: Settings, bus: Bus, *, fetch_keys: Fetch | None = None) -> Gateway:
    """The service, not started yet. `fetch_keys`: gives the issuer's keys; by default they come from `jwks_url`.

    CannotStart where there is neither."""
    verifier = Verifier(settings, fetch=fetch_keys)

    def new_hub(address: str) -> Hub:
        forward = Forward(
            bus,
            address,
            shards=settings.shards,
            bound=settings.gateway_forward_bytes,
            body_bytes=settings.gateway_body_bytes,
            linger=Linger(settings.gateway_linger_ms / 1000, settings.gateway_linger_frames_per_s),
            files_bound=4 * settings.gateway_forward_bytes,
        )
        return Hub(settings, forward, verifier, time.time)

    return Gateway(
        bus, settings.instance, verifier, new_hub, beat_s=settings.beat_s, drain_s=settings.gateway_drain_s
    )  # fmt: skip
