"""Which version of the wire a router speaks, as the head of its bodies says it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.protocol.bus import WIRE, named, spoken
from shared.protocol.codec import decode, encode


@given(st.text(max_size=80))
def test_a_router_that_says_its_version_is_understood_whatever_its_name_is(source: str) -> None:
    assert spoken(named(source)) == WIRE
    assert named(source).startswith(source)


def test_the_version_stands_in_the_head_of_a_body() -> None:
    envelope, _ = decode(encode(named("router.x"), []))
    assert (envelope.source, spoken(envelope.source)) == (f"router.x+{WIRE}", WIRE)


@pytest.mark.parametrize(
    "source", ["router.x", "router.host-1-0a1b", "", "+", "router.x+", "router.x+a", "router.x+-1", "router.x+٣", "7"]
)
def test_who_says_none_speaks_the_first(source: str) -> None:
    assert spoken(source) == 1


@pytest.mark.parametrize(("source", "version"), [("router.x+3", 3), ("router.a+b+2", 2), ("router.x+2+10", 10)])
def test_what_stands_last_counts(source: str, version: int) -> None:
    assert spoken(source) == version
