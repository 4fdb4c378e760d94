"""What is generated from the wire's definition is what is committed, and says what the models say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.protocol.errors import ErrorCode
from shared.protocol.generate import CLIENT, SERVER, documents, schema_document, typescript_document

DOCUMENTS = documents()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_committed_file_is_what_is_generated(path: Path) -> None:
    assert path.read_text() == DOCUMENTS[path], "shared/protocol has changed since: make generate"


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if p.suffix == ".json"], ids=lambda path: path.name)
def test_every_reference_of_a_document_leads_somewhere(path: Path) -> None:
    document = json.loads(DOCUMENTS[path])
    found = references(document)
    assert found
    for reference in found:
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_type_is_required_and_first_in_every_frame_and_unknown_fields_are_refused() -> None:
    defs = json.loads(schema_document())["$defs"]
    for model in (*CLIENT, *SERVER):
        definition = defs[model.__name__]
        assert next(iter(definition["properties"])) == "type"
        assert "type" in definition["required"]
        assert definition["additionalProperties"] is False
        assert "ref" not in definition["required"]


def test_the_types_for_the_browser_have_every_frame_and_code() -> None:
    text = typescript_document()
    for model in (*CLIENT, *SERVER):
        name = {"File": "FileFrame", "Error": "ErrorFrame"}.get(model.__name__, model.__name__)
        assert re.search(rf"^export interface {name} \{{$", text, re.MULTILINE)
        assert re.search(rf"^  \| {name}$", text, re.MULTILINE)
    assert all(f'"{code.value}"' in text for code in ErrorCode)
    assert "from: User" in text, "the wire's name, not Python's"
    assert " | null" not in text, "an unset field is left out"
