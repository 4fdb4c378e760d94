"""Who is silent, judged only by what passes through a shard's queue."""

from __future__ import annotations

from services.router.core.liveness import Liveness


def begun(*addresses: str, at: float = 0.0) -> Liveness:
    liveness = Liveness(silent_s=15, pause_s=11)
    begin(liveness, *addresses, at=at)
    return liveness


def begin(liveness: Liveness, *addresses: str, at: float) -> None:
    """The first tick after a pause; the store names these."""
    assert liveness.tick(at) == []
    assert liveness.asks
    assert liveness.begins
    liveness.learn(addresses, at, at)


def ticks(liveness: Liveness, *times: float) -> list[str]:
    """What the last of these ticks says."""
    said: list[str] = []
    for now in times:
        said = liveness.tick(now)
        assert not liveness.begins
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


def test_a_router_that_comes_late_to_a_tick_waits_for_the_beats_behind_it() -> None:
    """Too short an absence to begin anew, long enough to take its own lateness for a gateway's silence."""
    liveness = begun("a")
    assert ticks(liveness, 4.6, 15.4) == []
    liveness.heard("a", 15.4)
    assert ticks(liveness, 20) == []


def test_a_silent_address_is_named_until_its_subscriptions_have_ended() -> None:
    liveness = begun("a")
    assert ticks(liveness, 8, 16) == ["a"]
    assert ticks(liveness, 20) == ["a"]
    liveness.lapse("a")
    assert ticks(liveness, 25) == []


def test_who_speaks_again_after_its_subscriptions_had_ended_is_told_once() -> None:
    liveness = begun("a")
    liveness.lapse("a")
    assert liveness.heard("a", 30)
    assert not liveness.heard("a", 35)


def test_a_router_that_was_away_accuses_nobody() -> None:
    liveness = begun("a")
    begin(liveness, "a", "b", at=100)
    assert ticks(liveness, 105, 114) == []
    liveness.heard("b", 114)
    assert ticks(liveness, 116) == ["a"]


def test_a_new_owner_of_the_shard_tells_whoever_was_freed_by_the_last_one() -> None:
    """`a` slept; the last owner ended its subscriptions and died before it could say so."""
    liveness = begun("b")
    assert liveness.heard("a", 1)
    assert not liveness.heard("a", 6)
    assert not liveness.heard("b", 1)


def test_an_owner_that_was_away_forgets_whom_it_knew() -> None:
    liveness = begun("a")
    assert not liveness.heard("a", 1)
    begin(liveness, at=100)
    assert ticks(liveness, 105) == []
    assert liveness.heard("a", 106)


def test_what_beats_before_the_store_has_been_asked_is_told_once_it_was() -> None:
    liveness = Liveness(silent_s=15, pause_s=11)
    liveness.heard("a", 0)
    begin(liveness, at=1)
    assert liveness.heard("a", 5)


def test_who_is_subscribed_and_is_never_heard_is_silent_in_the_end() -> None:
    liveness = begun()
    liveness.subscribed("a", 1)
    assert ticks(liveness, 5, 10) == []
    assert ticks(liveness, 17) == ["a"]


def test_one_subscription_does_not_make_known_who_lost_the_others() -> None:
    liveness = begun("a")
    liveness.lapse("a")
    liveness.subscribed("a", 20)
    assert liveness.heard("a", 21)


def test_what_comes_while_the_store_is_asked_counts_beside_what_it_says() -> None:
    liveness = Liveness(silent_s=15, pause_s=11)
    assert liveness.tick(0) == []
    liveness.subscribed("a", 1)
    assert liveness.heard("b", 1)
    liveness.learn([], 0, 2)
    assert not liveness.heard("b", 10)
    assert ticks(liveness, 5, 10, 17) == ["a"]


def test_a_pause_is_noticed_by_the_tick_behind_it_whenever_the_store_has_answered() -> None:
    """It was asked before the pause, and what it says is from then."""
    for answered in (95, 101):
        liveness = Liveness(silent_s=15, pause_s=11)
        assert liveness.tick(0) == []
        if answered < 100:
            liveness.learn([], 0, answered)
        assert liveness.tick(100) == []
        if answered > 100:
            liveness.learn([], 0, answered)
        assert liveness.asks
        assert liveness.begins
        liveness.learn(["a"], 100, 102)
        assert ticks(liveness, 105, 110, 115, 120) == ["a"]


def test_the_store_is_asked_again_from_time_to_time_for_what_others_have_written() -> None:
    liveness = begun("a")
    for now in range(5, 35, 5):
        assert not liveness.asks
        liveness.heard("a", now)
        assert ticks(liveness, now) == []
    assert not liveness.asks
    assert ticks(liveness, 35) == []
    assert liveness.asks
    liveness.learn(["b"], 35, 35)
    liveness.heard("a", 50)
    assert liveness.heard("b", 50), "it may have lost others"
    assert ticks(liveness, 40, 45, 50, 55, 60, 64) == []
    assert ticks(liveness, 66) == ["a", "b"]
