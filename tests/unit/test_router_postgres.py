"""Which statement a batch is written by: the shortest that says all of it."""

from __future__ import annotations

import pytest

from services.router import postgres_statements
from services.router.core.changes import Changes
from services.router.core.entries import Stored, stored, stored_change
from services.router.core.room import Member, Subscription
from services.router.postgres_statements import ALTERING, GOVERNING, MOVING, statement
from services.router.statement import Statement


def message(seq: int) -> Stored:
    return stored("r", seq, "u1", "Olena", f"id{seq}", "chat", "hello", 0)


def said(*seqs: int, room: str = "r") -> Changes:
    return Changes(room, True, seqs[0] - 1, 4, seqs[-1], 4, messages=[message(seq) for seq in seqs])


def moved() -> Changes:
    changes = said(8)
    changes.subscriptions["s2"] = Subscription("u2", "gateway.1")
    return changes


def joining(changes: Changes) -> Changes:
    changes.members["u2"] = Member("Taras")
    return changes


def changing(changes: Changes) -> Changes:
    changes.changes.append(stored_change("r", 9, "u1", "Olena", "x", "pin", "+", 0, 3, None))
    changes.changed[3] = message(3)
    return changes


@pytest.mark.parametrize(
    ("writing", "comparing", "wanted"),
    [
        ([said(8)], [], postgres_statements.SAY_ONE),
        ([said(8)], ["other"], statement()),
        ([said(8, 9)], [], statement()),
        ([said(8), said(3, room="q")], [], statement()),
        ([], ["other"], statement()),
        ([moved()], [], statement(MOVING)),
        ([changing(said(8))], [], statement(ALTERING)),
        ([joining(said(8))], [], statement(GOVERNING)),
        ([changing(moved())], [], statement(ALTERING, MOVING)),
        ([changing(joining(moved()))], [], statement(ALTERING, GOVERNING, MOVING)),
    ],
)
def test_a_batch_goes_by_the_shortest_statement_that_says_all_of_it(
    writing: list[Changes], comparing: list[str], wanted: Statement
) -> None:
    text, arguments = postgres_statements.commit(writing, comparing)
    assert text == wanted.text
    assert text.count("$") >= len(arguments) > 0


def test_a_read_mark_alone_is_no_message_alone() -> None:
    changes = Changes("r", True, 8, 4, 8, 4, read_marks={"u1": 8})
    assert postgres_statements.commit([changes], [])[0] == statement(MOVING).text
