"""Who is told all that a client does and sees: a trace, a metric, a history."""

from __future__ import annotations

from typing import Protocol

from shared.client.core.events import Event, JsonFrame
from shared.client.socket import Closed


class Observer(Protocol):
    """Called on the client's loop, in the order in which things happen. It must not raise."""

    def wrote(self, frame: JsonFrame) -> None:
        """A frame that an entry will come of was taken into the outbox, or one that makes a room is to be sent. Once,
        however often it goes."""

    def sending(self, frame: JsonFrame) -> None:
        """Any frame goes out, perhaps again."""

    def received(self, frame: JsonFrame) -> None:
        """Any frame came, but for the `welcome` of a connection, which is an event."""

    def event(self, event: Event) -> None:
        """What `Client.events` gives as well."""

    def ended(self, closed: Closed) -> None:
        """There will be no further connection. Nothing comes after this."""
