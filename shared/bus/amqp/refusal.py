"""Which failures to connect do not pass by trying again, in words for an operator.

aiormq (7.2.4) raises `ProbableAuthenticationError` for a wrong password, but `InvalidFrameError` ("Expected one of
['Connection.OpenOk'], got <Connection.Close object …>") for a virtual host that is missing or closed to the user: the
broker's reason is gone by then. So it is taken from the broker's own frame (`frames.Closed`).
"""

from __future__ import annotations

import ssl
from typing import Final

from aiormq.exceptions import ChannelAccessRefused
from yarl import URL

from shared.bus.amqp.frames import Closed
from shared.bus.port import Unusable

ACCESS_REFUSED: Final = 403
NOT_ALLOWED: Final = 530
PASSING: Final = "limit"
"""530 is also said of too many connections ("connection limit (10) is reached"), which passes."""
TLS: Final = frozenset({"CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER"})


def lasting(why: Exception, closed: Closed | None, url: URL) -> Unusable | None:
    """`why`, raised while connecting to `url`, as a sentence; None: it may pass. `closed`: how the broker has ended the
    connection, if it has.
    """
    if isinstance(why, Unusable):
        return why
    place, user, vhost = f"{url.host}:{url.port or 5672}", url.user or "guest", url.path.removeprefix("/") or "/"
    if isinstance(why, ChannelAccessRefused):
        return Unusable(
            f"The broker at {place} does not let the user {user!r} make what Homin needs: {why}. Give it its"
            f" permissions: rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'."
        )
    if closed is not None and closed.code == ACCESS_REFUSED:
        return Unusable(
            f"The broker at {place} refuses the user {user!r} or its password. Check HOMIN_AMQP_URL and"
            " HOMIN_AMQP_PASSWORD, and that the broker knows the user (rabbitmqctl list_users)."
        )
    if closed is not None and closed.code == NOT_ALLOWED and PASSING not in closed.text.replace(vhost, ""):
        return Unusable(
            f"The broker at {place} does not open the virtual host {vhost!r} for the user {user!r}: {closed.text}. Make"
            f" it (rabbitmqctl add_vhost {vhost}) and let the user in (rabbitmqctl set_permissions -p {vhost} {user}"
            " '.*' '.*' '.*'), or name another in HOMIN_AMQP_URL."
        )
    tls = why.__cause__
    if isinstance(tls, ssl.SSLError) and tls.reason in TLS:
        return Unusable(
            f"There is no TLS with the broker at {place}: {tls}. Check the scheme of HOMIN_AMQP_URL (amqp:// is without"
            " TLS), its port, and the broker's certificate."
        )
    return None
