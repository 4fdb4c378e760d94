"""Settings that are good only together: no body can be so large that it finds no room, nor a beat so rare that it is
missed.
"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.gateway.deliver import resumes
from services.gateway.settings import Settings as Gateway
from services.router.settings import Settings as Router
from services.standalone.settings import Settings
from shared.bus.limits import AmqpLimits
from shared.bus.port import MAILBOX_BODIES
from shared.protocol.bus import BODY_BYTES, ITEM_BYTES, Holder
from shared.protocol.codec import encode, pack, submit_prefix
from shared.protocol.names import NAME_CHARS
from shared.protocol.server import User

LONGEST = User(id="i" * 128, name="\U0001f600" * NAME_CHARS)
ADDRESS = f"mailbox.gateway.{'h' * 64}.0123abcd.1000000"


@pytest.mark.parametrize("variable", ["FRAME_BYTES", "GATEWAY_BODY_BYTES", "ROUTER_BODY_BYTES"])
def test_what_makes_a_body_has_a_bound(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HOMIN_{variable}", str(ITEM_BYTES + 1))
    with pytest.raises(ValidationError, match="less than or equal"):
        Settings()


def test_a_mailbox_has_room_for_several_of_the_largest_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_MAILBOX_BYTES", str(MAILBOX_BODIES * BODY_BYTES - 1))
    with pytest.raises(ValidationError, match="greater than or equal"):
        Router()
    with pytest.raises(ValueError, match="room for"):
        AmqpLimits(mailbox_bytes=MAILBOX_BODIES * BODY_BYTES - 1)


def test_the_largest_frame_fits_into_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    (most,) = [m.le for m in Gateway.model_fields["frame_bytes"].metadata if hasattr(m, "le")]
    monkeypatch.setenv("HOMIN_FRAME_BYTES", str(most))
    part = submit_prefix(ADDRESS, "s" * 24, LONGEST) + b"x" * Gateway().frame_bytes + b"}"
    assert len(part) <= ITEM_BYTES
    assert len(encode(ADDRESS, [part])) <= BODY_BYTES


def test_a_batch_of_the_largest_size_with_its_head_fits_into_a_body() -> None:
    """Small parts have the most around them."""
    part = b'{"type":"beat","address":"m"}'
    assert len(encode(ADDRESS, [part] * (ITEM_BYTES // len(part)), sequence=2**53, epoch="e" * 16)) <= BODY_BYTES


@pytest.mark.parametrize("subscriptions", [1, 7, 18_000, 60_000])
def test_however_many_are_subscribed_they_are_resumed_in_pieces_that_fit(subscriptions: int) -> None:
    holders = [Holder(session=f"{n:024}", user=LONGEST) for n in range(subscriptions)]
    said = list(resumes(ADDRESS, "r", 5, holders))
    assert [holder for each in said for holder in each.subscriptions] == holders
    assert {(each.address, each.room, each.after) for each in said} == {(ADDRESS, "r", 5)}
    assert max(len(pack(each)) for each in said) <= ITEM_BYTES
    assert len(said) <= 1 + subscriptions // 5_000


def test_a_gateway_that_beats_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are set in every process, and each by itself looks fine."""
    monkeypatch.setenv("HOMIN_BEAT_S", "10")
    with pytest.raises(ValidationError, match="HOMIN_SILENT_S is 15"):
        Settings()
    monkeypatch.setenv("HOMIN_SILENT_S", "20")
    Settings()


def test_the_heartbeat_of_the_broker_and_that_of_clients_have_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMIN_AMQP_HEARTBEAT_S", "7")
    monkeypatch.setenv("HOMIN_SERVER_PING_S", "31")
    assert Gateway().amqp_limits().heartbeat_s == 7
    assert Gateway().server_ping_s == 31
