"""What the direct path (direct.py, frames.py) takes for granted of aiormq and pamqp, looked at once before the first
connection. Where a newer version breaks it, the start ends in a sentence instead of a queue in silence.
"""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Final

import aiormq
from aiormq.abc import AbstractConnection
from pamqp import commands, frame
from pamqp.header import ContentHeader

from shared.bus.amqp import frames
from shared.bus.port import Unusable

TESTED: Final = {"aiormq": "7.2.4", "pamqp": "4.0.1", "aio-pika": "10.2.1"}
"""The versions that the whole suite has run with. Others are taken as long as what is below holds."""


def broken() -> list[str]:
    """What does not hold, each as a clause; empty where all is as it was."""
    found = []
    parameters = inspect.signature(aiormq.Connection.__init__).parameters
    if "transport_factory" not in parameters:
        found.append("aiormq.Connection takes no transport_factory")
    if list(inspect.signature(aiormq.TransportFactory.create).parameters)[:2] != ["self", "url"]:
        found.append("a TransportFactory is asked otherwise for its transport")
    if "connection_tune" not in AbstractConnection.__annotations__:
        found.append("a connection does not tell its largest frame")
    if not hasattr(aiormq.Connection, "closing"):
        found.append("a connection does not tell its end")
    if not _same_bytes():
        found.append("pamqp writes or reads frames otherwise")
    return found


def check() -> None:
    """Raises `Unusable` where the direct path cannot be gone."""
    if found := broken():
        seen = ", ".join(f"{name} {version(name)} (tested: {tested})" for name, tested in TESTED.items())
        raise Unusable(
            f"The installed libraries do not bear the fast way to the broker: {'; '.join(found)}. Here are {seen}. Set"
            " HOMIN_AMQP_DIRECT=false to go the ordinary way, or install the versions of requirements.lock."
        )


def _same_bytes() -> bool:
    """Whether pamqp's own frames are the bytes that frames.py writes and cuts."""
    properties = commands.Basic.Properties(delivery_mode=2, message_id="7")
    content = frame.marshal(ContentHeader(0, 4, properties), 1) + b"\x03\x00\x01\x00\x00\x00\x04body\xce"
    published = frame.marshal(commands.Basic.Publish(routing_key="frames.0", mandatory=True), 1) + content
    if b"".join(frames.publish(1, frames.Message("", "frames.0", b"body", True), "7", 131_072)) != published:
        return False
    if frames.ack(1, 9) != frame.marshal(commands.Basic.Ack(9, True), 1):
        return False
    delivered = frame.marshal(commands.Basic.Deliver("c", 5, True, "", "frames.0"), 1) + content
    return frames.Cutter().feed(delivered) == ([frames.Delivered(5, True, "frames.0", b"body")], b"")
