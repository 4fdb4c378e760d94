"""Who asks, as far as an address says: limits count for a customer's network, not for each address in it."""

from __future__ import annotations

import ipaddress


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
