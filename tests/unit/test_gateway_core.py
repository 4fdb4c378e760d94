"""The gateway's core: how much may be under way to a shard, and who is subscribed where."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.gateway.core.congestion_window import PATIENCE_S, SLOW_S, CongestionWindow
from services.gateway.core.subscriptions import Feed, Subscriptions

# ── the window of a shard ──


def test_what_the_window_holds_goes_at_once_and_the_rest_waits_for_an_answer() -> None:
    window = CongestionWindow(10, 100)
    for n in (1, 2):
        assert window.wait(50, 0.0) == 0.0
        window.sent(n, 50, 0.0)
    assert window.wait(50, 1.0) == PATIENCE_S - 1.0
    window.acknowledged(1, 0.01)
    assert window.wait(50, 0.01) == 0.0


def test_one_body_may_always_go_however_large() -> None:
    assert CongestionWindow(10, 100).wait(1_000, 0.0) == 0.0


def test_slow_answers_close_the_window_once_a_round_and_quick_ones_open_it_again() -> None:
    window = CongestionWindow(10, 100)
    for n in (1, 2, 3):
        window.sent(n, 1, 0.0)
    sizes = []
    for n in (1, 2, 3):
        window.acknowledged(n, 2 * SLOW_S)
        sizes.append(window.size)
    assert sizes == [50, 50, 50]
    for n in range(4, 10):
        window.sent(n, 1, n)
        window.acknowledged(n, n + 2 * SLOW_S)
    assert window.size == 10
    for n in range(20, 60):
        window.sent(n, 1, n)
        window.acknowledged(n, n + SLOW_S / 4)
    assert window.size == 100


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever() -> None:
    window = CongestionWindow(10, 100)
    window.sent(1, 100, 0.0)
    wait = window.wait(10, 1.0)
    assert window.wait(10, 1.0 + wait) == 0.0
    window.acknowledged(1, 1.0 + wait)  # too late to say anything
    assert (window.bytes, window.size) == (0, 100)


def test_a_new_address_waits_for_no_answer_to_the_old_one_and_an_end_for_none_at_all() -> None:
    window = CongestionWindow(10, 100)
    window.sent(1, 100, 0.0)
    window.forget()
    assert window.wait(100, 0.0) == 0.0
    window.sent(2, 100, 0.0)
    window.open()
    assert window.wait(100, 0.0) == 0.0


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 0.5), st.booleans()), max_size=100))
def test_no_more_is_unanswered_than_the_window_held_or_one_body(steps: list[tuple[int, float, bool]]) -> None:
    window, now, sent, answered, most = CongestionWindow(10, 100), 0.0, 0, 0, 100
    for size, pause, answer in steps:
        now += pause
        if answer and answered < sent:
            answered += 1
            window.acknowledged(answered, now)
        most = max(most, window.size)
        if not window.wait(size, now):
            sent += 1
            window.sent(sent, size, now)
            assert window.bytes <= most or window.bytes == size
        assert 10 <= window.size <= 100


# ── the subscriptions ──


@dataclass(eq=False)
class Subscriber:
    session: str


def subscribed(*sessions: str, seq: int = 0) -> tuple[Subscriptions[Subscriber], dict[str, Subscriber]]:
    subscriptions: Subscriptions[Subscriber] = Subscriptions()
    subscribers = {session: Subscriber(session) for session in sessions}
    for subscriber in subscribers.values():
        subscriptions.add("r", subscriber, seq)
    return subscriptions, subscribers


def fresh(subscriptions: Subscriptions[Subscriber], first: int, count: int) -> list[int]:
    """Which of these messages are written out."""
    feed = subscriptions.feed("r")
    assert feed is not None
    return list(range(first, first + count))[feed.fresh(first, count) :]


def test_messages_are_written_once_however_often_they_come() -> None:
    subscriptions, _ = subscribed("a")
    assert fresh(subscriptions, 1, 3) == [1, 2, 3]
    assert fresh(subscriptions, 1, 3) == []
    assert fresh(subscriptions, 2, 4) == [4, 5]


def test_a_jump_is_let_through_and_what_comes_late_is_dropped() -> None:
    subscriptions, _ = subscribed("a")
    assert fresh(subscriptions, 5, 1) == [5]
    assert fresh(subscriptions, 1, 4) == []
    assert fresh(subscriptions, 4, 3) == [6]


def test_who_sits_down_at_a_number_gets_what_follows_it() -> None:
    subscriptions, _ = subscribed("a", seq=7)
    assert fresh(subscriptions, 6, 2) == []
    assert fresh(subscriptions, 7, 3) == [8, 9]


def test_a_second_subscription_does_not_turn_the_room_back() -> None:
    subscriptions, _ = subscribed("a")
    fresh(subscriptions, 1, 9)
    subscriptions.add("r", Subscriber("b"), 4)  # it was subscribed before 5 … 9 came, and got them by its `joined`
    assert fresh(subscriptions, 5, 5) == []
    assert fresh(subscriptions, 10, 1) == [10]


def doubted(subscriptions: Subscriptions[Subscriber]) -> bool:
    feed = subscriptions.feed("r")
    assert feed is not None
    return feed.doubted


def test_what_comes_late_is_doubted_and_asked_about_once() -> None:
    subscriptions, _ = subscribed("a")
    fresh(subscriptions, 1, 11)
    assert not doubted(subscriptions)
    assert fresh(subscriptions, 6, 1) == []
    assert doubted(subscriptions)
    (_, feed) = next(subscriptions.feeds())
    assert feed.ask() == 11
    assert not doubted(subscriptions)


def test_what_is_said_again_in_answer_to_a_question_is_not_doubted_however_much_has_come_since() -> None:
    subscriptions, subscribers = subscribed("a")
    fresh(subscriptions, 1, 5)
    (_, feed) = next(subscriptions.feeds())
    feed.ask()
    fresh(subscriptions, 6, 4)
    subscriptions.add("r", subscribers["a"], 5)
    assert fresh(subscriptions, 6, 4) == []
    assert not doubted(subscriptions)
    assert fresh(subscriptions, 3, 1) == []
    fresh(subscriptions, 10, 1)
    assert fresh(subscriptions, 10, 1) == []
    assert doubted(subscriptions), "the answer is over"


def test_a_subscription_below_what_was_written_out_is_doubted() -> None:
    subscriptions, _ = subscribed("a")
    fresh(subscriptions, 1, 11)
    subscriptions.add("r", Subscriber("b"), 5)
    assert doubted(subscriptions)


def private(seq: int = 0) -> tuple[Subscriptions[Subscriber], Feed[Subscriber]]:
    """A private room with one subscription, from after `seq` on."""
    subscriptions: Subscriptions[Subscriber] = Subscriptions()
    return subscriptions, subscriptions.add("~p", Subscriber("a"), seq)


def test_of_a_private_room_nothing_is_written_after_a_loss_until_it_is_said_who_is_there() -> None:
    subscriptions, feed = private()
    assert feed.fresh(1, 2) == 0
    feed.lost()  # perhaps that a subscription has ended
    assert feed.fresh(4, 1) == 1
    assert feed.ask() == 2
    assert feed.fresh(5, 1) == 1
    subscriptions.add("~p", Subscriber("a"), 2)
    assert feed.fresh(3, 3) == 0, "all that was missed"
    assert feed.fresh(9, 1) == 0, "or of much the newest"


def test_a_public_room_goes_on_after_a_loss() -> None:
    subscriptions, _ = subscribed("a")
    (_, feed) = next(subscriptions.feeds())
    feed.lost()
    assert fresh(subscriptions, 4, 1) == [4]


def test_who_sits_in_a_private_room_and_was_not_told_what_came_is_asked_about_first() -> None:
    """The routers did not know of his subscription: it may have ended, and nobody said so here."""
    subscriptions, feed = private(seq=3)
    subscriptions.add("~p", Subscriber("b"), 5)
    assert feed.doubted
    assert feed.fresh(6, 1) == 1
    assert feed.ask() == 3
    subscriptions.remove("~p", "a")
    subscriptions.add("~p", Subscriber("b"), 3)
    assert feed.fresh(4, 3) == 0


def test_a_subscription_to_a_private_room_that_is_said_late_is_asked_about_first() -> None:
    subscriptions, feed = private()
    feed.fresh(1, 9)
    subscriptions.add("~p", Subscriber("b"), 5)
    assert feed.doubted
    assert feed.fresh(10, 1) == 1


def test_a_room_that_is_rewound_writes_out_what_follows() -> None:
    subscriptions, _ = subscribed("a")
    fresh(subscriptions, 1, 11)
    fresh(subscriptions, 6, 1)
    (_, feed) = next(subscriptions.feeds())
    feed.rewind(5)
    assert fresh(subscriptions, 6, 2) == [6, 7]
    assert not doubted(subscriptions)


def test_an_empty_room_is_forgotten() -> None:
    subscriptions, _ = subscribed("a", "b")
    subscriptions.remove("r", "a")
    assert subscriptions.feed("r") is not None
    assert subscriptions.clear("b") == ["r"]
    assert not subscriptions.rooms("b")
    assert subscriptions.feed("r") is None
    assert len(subscriptions) == 0


def test_freeing_a_subscription_that_is_free_does_nothing() -> None:
    subscriptions, subscribers = subscribed("a")
    subscriptions.remove("r", "b")
    subscriptions.remove("other", "a")
    subscriptions.add("r", subscribers["a"], 0)
    assert [feed.subscribers for _, feed in subscriptions.feeds()] == [{"a": subscribers["a"]}]


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 10)), max_size=60))
def test_a_room_never_runs_backwards_and_nothing_is_written_twice(deliveries: list[tuple[int, int]]) -> None:
    subscriptions, _ = subscribed("a")
    written: list[int] = []
    for first, count in deliveries:
        written += fresh(subscriptions, first, count)
    assert written == sorted(set(written))
    assert set(written) <= {seq for first, count in deliveries for seq in range(first, first + count)}


@given(st.data())
def test_deliveries_in_order_are_written_whole_even_when_redelivered(data: st.DataObject) -> None:
    subscriptions, _ = subscribed("a")
    written: list[int] = []
    newest = 0
    for _ in range(data.draw(st.integers(0, 30))):
        first = data.draw(st.integers(max(1, newest - 5), newest + 1))
        count = data.draw(st.integers(1, 8))
        newest = max(newest, first + count - 1)
        written += fresh(subscriptions, first, count)
    assert written == list(range(1, newest + 1))


class SubscriptionsAgree(RuleBasedStateMachine):
    """Both sides of the index, the rooms of a connection and the connections of a room, say the same."""

    def __init__(self) -> None:
        super().__init__()
        self.subscriptions: Subscriptions[Subscriber] = Subscriptions()
        self.subscribers = {name: Subscriber(name) for name in "abcd"}

    rooms, names = st.sampled_from(["r", "s", "t"]), st.sampled_from("abcd")

    @rule(room=rooms, name=names, seq=st.integers(0, 9))
    def subscribe(self, room: str, name: str, seq: int) -> None:
        self.subscriptions.add(room, self.subscribers[name], seq)

    @rule(room=rooms, name=names)
    def unsubscribe(self, room: str, name: str) -> None:
        self.subscriptions.remove(room, name)

    @rule(name=names)
    def clear(self, name: str) -> None:
        had = set(self.subscriptions.rooms(name))
        assert set(self.subscriptions.clear(name)) == had

    @invariant()
    def they_agree(self) -> None:
        by_room = {(room, name) for room, feed in self.subscriptions.feeds() for name in feed.subscribers}
        by_session = {(room, name) for name in self.subscribers for room in self.subscriptions.rooms(name)}
        assert by_room == by_session
        assert all(feed.subscribers for _, feed in self.subscriptions.feeds())


TestSubscriptionsAgree = SubscriptionsAgree.TestCase
