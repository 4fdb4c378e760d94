"""The arithmetic behind RESULTS.md."""

from __future__ import annotations

import random

import pytest

from tests.bench.figures import (
    at,
    by_kind,
    growth,
    kind_of,
    listed,
    medians,
    notable,
    number,
    percentile,
    scaled,
    slope,
    table,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(105_312, "105,312"), (100, "100"), (17.94, "17.9"), (0.714, "0.71"), (0, "0"), (0.004, "0.00"), (-250, "-250"),
     (float("nan"), "–")],
)  # fmt: skip
def test_a_number_has_as_many_digits_as_people_read(value: float, text: str) -> None:
    assert number(value) == text


def test_a_table_is_markdown_with_the_figures_to_the_right() -> None:
    assert table(["", "a", "b"], [["row", "1", "2"]]) == ["|  | a | b |", "|---|---:|---:|", "| row | 1 | 2 |", ""]


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")]
)
def test_names_are_listed_as_in_a_sentence(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_a_percentile_is_the_value_of_its_rank_in_whatever_order_they_came() -> None:
    values = list(map(float, range(1, 101)))
    random.Random(1).shuffle(values)
    assert [percentile(values, q) for q in (0, 0.01, 0.5, 0.99, 1)] == [1, 1, 50, 99, 100]
    assert percentile([7.0], 0.99) == 7


def test_the_slope_is_that_of_the_line_that_the_points_lie_about() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert slope([0, 1, 2, 3], [1, -1, 1, -1]) == pytest.approx(-0.4), "by hand: Σ(x−1.5)·y = −2, Σ(x−1.5)² = 5"
    assert slope([4, 4], [1, 2]) == 0
    assert slope([], []) == 0


def test_a_moment_between_samples_lies_on_the_line_between_them() -> None:
    times, values = [10.0, 11.0, 13.0], [0.0, 2.0, 3.0]
    assert [at(times, values, t) for t in (9, 10, 10.5, 12, 13, 99)] == [0, 0, 1, 2.5, 3, 3]


def test_growth_is_what_came_between_two_moments() -> None:
    series = {"a": [0.0, 10.0, 30.0], "b": [5.0, 5.0, 5.0]}
    assert growth([0, 1, 2], series, 0.5, 1.5) == {"a": 15, "b": 0}


def test_processes_of_one_kind_are_told_together() -> None:
    parts = {"accounts-1": 1.0, "router-1": 2.0, "gateway-1": 3.0, "gateway-2": 4.0, "broker": 5.0}
    assert by_kind(parts) == {"accounts": 1, "routers": 2, "gateways": 7, "broker": 5}
    assert kind_of("database") == "database"


def test_what_is_nowhere_a_hundredth_is_not_notable() -> None:
    assert notable([{"a": 99.5, "b": 0.5, "c": 0}, {"a": 98, "b": 0.5, "c": 1.5}]) == ["a", "c"]


def test_what_is_scaled_keeps_its_proportions() -> None:
    assert scaled({"a": 1, "b": 3}, 10) == {"a": 2.5, "b": 7.5}
    assert scaled({"a": 0}, 10) == {"a": 0}


def test_the_median_of_each_figure_stands_alone() -> None:
    assert medians([{"a": 1, "b": 9}, {"a": 5, "b": 7}, {"a": 3, "b": 8}]) == {"a": 3, "b": 8}
