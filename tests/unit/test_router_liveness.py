"""Who is silent, judged only by what passes through a shard's queue."""

from __future__ import annotations

from services.router.core.liveness import LAPSED, Liveness


def begun(*addresses: str, at: float = 0.0) -> Liveness:
    liveness = Liveness(silent_s=15, pause_s=11)
    assert liveness.resumes(at)
    liveness.begin(addresses, at)
    return liveness


def ticks(liveness: Liveness, *times: float) -> list[str]:
    """What the last of these ticks says."""
    said: list[str] = []
    for now in times:
        assert not liveness.resumes(now)
        said = liveness.tick(now)
    return said


def test_an_address_that_beats_is_not_silent() -> None:
    liveness = begun("a")
    for now in range(5, 60, 5):
        liveness.heard("a", now)
        assert ticks(liveness, now + 1) == []


def test_an_address_is_silent_after_its_time_and_not_before() -> None:
    liveness = begun("a")
    assert ticks(liveness, 5, 10, 15) == []
    assert ticks(liveness, 16) == ["a"]


def test_a_silent_address_is_named_until_its_seats_are_freed() -> None:
    liveness = begun("a")
    assert ticks(liveness, 8, 16) == ["a"]
    assert ticks(liveness, 20) == ["a"]
    liveness.lapse("a")
    assert ticks(liveness, 25) == []


def test_who_speaks_again_after_its_seats_were_freed_is_told_once() -> None:
    liveness = begun("a")
    liveness.lapse("a")
    assert liveness.heard("a", 30)
    assert not liveness.heard("a", 35)


def test_a_router_that_was_away_accuses_nobody() -> None:
    liveness = begun("a")
    assert liveness.resumes(100)
    liveness.begin(["a", "b"], 100)
    assert ticks(liveness, 105, 114) == []
    liveness.heard("b", 114)
    assert ticks(liveness, 116) == ["a"]


def test_what_is_remembered_of_lapsed_addresses_is_bounded() -> None:
    liveness = begun()
    for n in range(LAPSED + 10):
        liveness.lapse(f"a{n}")
    assert not liveness.heard("a0", 1)
    assert liveness.heard(f"a{LAPSED + 9}", 1)
