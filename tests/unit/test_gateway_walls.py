"""A connection's fields are written by itself alone, so where one changes is found in one file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import services.gateway

FILES = sorted(Path(services.gateway.__path__[0]).rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nobody_writes_the_fields_of_a_connection_but_itself(file: Path) -> None:
    written = [
        f"{target.value.id}.{target.attr}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for target in (target.elts if isinstance(target, ast.Tuple) else [target])
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
    ]
    assert {name for name in written if name.split(".")[0] in ("connection", "sender", "subscriber")} == set()
