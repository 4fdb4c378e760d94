"""Parameters with names and rows as parameters, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.statement import Rows, Statement, number, text, word

PEOPLE = Rows("people", word("name"), number("age"), text("motto"))
COUNT = Statement("SELECT :greeting::text, count(*), :greeting::text FROM {people} WHERE age > :least::bigint", PEOPLE)
ALL = Statement("SELECT name, age, motto FROM {people}", PEOPLE)


@pytest.fixture
async def database(empty_postgres_url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(empty_postgres_url.replace("postgresql+asyncpg", "postgresql"))
    yield connection
    await connection.close()


async def rows_back(
    database: asyncpg.Connection[Any], rows: list[tuple[str, int, str | None]]
) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.fetch(ALL.text, *ALL.arguments(PEOPLE.arguments(rows)))]


async def test_a_parameter_that_is_named_twice_is_sent_once(database: asyncpg.Connection[Any]) -> None:
    arguments = PEOPLE.arguments([("Olena", 30, "a"), ("Taras", 20, "b")]) | {"greeting": "вітаю", "least": 25}
    assert len(COUNT.arguments(arguments)) == 5
    assert [tuple(r) for r in await database.fetch(COUNT.text, *COUNT.arguments(arguments))] == [("вітаю", 1, "вітаю")]


async def test_no_rows_are_no_rows(database: asyncpg.Connection[Any]) -> None:
    assert await rows_back(database, []) == []


async def test_a_text_may_be_empty_or_null_or_of_many_lines(database: asyncpg.Connection[Any]) -> None:
    rows: list[tuple[str, int, str | None]] = [
        ("a", -1, ""),
        ("b", 2**63 - 1, None),
        ("c", 0, "one\ntwo\\N"),
        ("d", 1, "NULL"),
    ]
    assert await rows_back(database, rows) == rows
    assert await rows_back(database, rows[:1]) == rows[:1]
    assert await rows_back(database, rows[1:2]) == rows[1:2]


def test_a_parameter_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError, match="least"):
        COUNT.arguments(PEOPLE.arguments([]) | {"greeting": "hi"})


def test_a_cast_is_no_parameter() -> None:
    assert Statement("SELECT 1::bigint, :a::text, E'\\n'").text == "SELECT 1::bigint, $1::text, E'\\n'"


@given(st.lists(st.tuples(st.text("абвab", min_size=1), st.integers(), st.none() | st.text())))
def test_every_row_brings_a_value_for_every_column(rows: list[tuple[str, int, str | None]]) -> None:
    names, ages, mottos = ALL.arguments(PEOPLE.arguments(rows))
    assert names.split("\n") == ([name for name, _, _ in rows] or [""])
    assert [int(age) for age in ages.split("\n") if age] == [age for _, age, _ in rows]
    assert mottos == [motto for _, _, motto in rows]
