"""Statements whose parameters have names, and whole tables of rows as parameters: PostgreSQL itself numbers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_NAMED = re.compile(r"(?<![:\w]):([a-z_]+(?:\.[a-z_]+)?)")


class Column(NamedTuple):
    """`sql`: how the parameter is read on the server; `encode`: from a column's values to the parameter."""

    name: str
    sql: str
    encode: Callable[[Sequence[Any]], Any]


def word(name: str) -> Column:
    """Texts that are never NULL, never empty and hold no line break: all in one string, which costs asyncpg a tenth of
    an array."""
    return Column(name, "string_to_array({}, E'\\n')", "\n".join)


def number(name: str) -> Column:
    """Whole numbers of 64 bits, never NULL; likewise in one string."""
    return Column(name, "string_to_array({}, E'\\n')::bigint[]", lambda values: "\n".join(map(str, values)))


def text(name: str) -> Column:
    """Texts of any kind: empty ones, of many lines, or NULL."""
    return Column(name, "{}::text[]", list)


class Rows:
    """Rows that come with a statement, which names them `{name}` where a table may stand. `source`: what stands there
    then."""

    def __init__(self, name: str, *columns: Column) -> None:
        self.name, self._columns = name, columns
        arrays = ", ".join(column.sql.format(f":{name}.{column.name}") for column in columns)
        self.source = f"unnest({arrays}) AS {name}({', '.join(column.name for column in columns)})"

    def arguments(self, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
        """The parameters that bring these rows, each with a value for every column, in order."""
        values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(self._columns)
        return {
            f"{self.name}.{column.name}": column.encode(of_column)
            for column, of_column in zip(self._columns, values, strict=True)
        }


class Statement:
    """SQL with parameters `:name` and `rows`, as asyncpg wants it: `text` with `$1`, `$2` … in their place."""

    def __init__(self, template: str, *rows: Rows) -> None:
        named = template.format(**{each.name: each.source for each in rows})
        self._names = list(dict.fromkeys(_NAMED.findall(named)))
        self.text = _NAMED.sub(lambda match: f"${self._names.index(match[1]) + 1}", named)

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """In the order in which asyncpg wants them. Raises KeyError where one is missing."""
        return [values[name] for name in self._names]
