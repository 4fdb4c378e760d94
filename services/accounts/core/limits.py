"""How often one address may ask: a token bucket for each (RFC 2697 has the idea), in a table of bounded size."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict


class Buckets:
    """`burst` at once, `per_s` in the long run, for each key; the `most` keys that asked last are remembered."""

    def __init__(self, burst: float, per_s: float, most: int) -> None:
        self._burst = burst
        self._per_s = per_s
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """0 if `key` may go on, else the seconds until it may. `now`: seconds of a clock that never goes back."""
        tokens, at = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_s)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._per_s
        self._buckets[key] = (tokens - 1 if wait == 0 else tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)


def network_of(address: str) -> str:
    """What one customer holds: an IPv4 address, or the /64 of an IPv6 one (RFC 6177), since all of it is theirs."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
