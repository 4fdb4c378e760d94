"""When a refresh token may be used. Each is meant for one use and yields the next (RFC 9700, section 4.14.2).

    T0 ──used──► T1 ──used──► T2           a chain is one sign-in, on one device
      ╰──► T1′                             a second use of T0: a lost answer, a second tab, or a thief

A token that comes a second time is a lost answer as long as nobody has used what it yielded. Once somebody has, two
parties hold the chain, and one of them is a thief: the sign-in ends for both.
"""

from __future__ import annotations

from typing import Final, NamedTuple

GRACE_S: Final = 30
"""Uses that lie this close are one browser's tabs, which start together and share one cookie."""


class Presented(NamedTuple):
    """What is known of a refresh token that has come: when it was first used (Unix seconds, None if never) …"""

    used_at: int | None
    successor_used: bool
    """… whether a token that it yielded has been used …"""
    rival_used: bool
    """… and whether one has that its own predecessor yielded more than GRACE_S before or after it."""


def may_renew(presented: Presented, now: int) -> bool:
    """Whether the sign-in goes on. False: it was stolen, and ends. `now` in Unix seconds."""
    if presented.used_at is None:
        return not presented.rival_used
    return now - presented.used_at <= GRACE_S or not presented.successor_used
