"""Documents that are held: what they list is what the code has, and whatever they name is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from shared.protocol.client import CLIENT_FRAME
from shared.protocol.errors import CloseCode, ErrorCode
from shared.protocol.server import SERVER_FRAME

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
LINK = re.compile(r"\[[^\]\n]*\]\((?!https?://|mailto:)([^)\s]+)\)")
NAMED = re.compile(r"(?<![\w./-])((?:\.\./)?(?:[\w.-]+/)*[A-Za-z][\w-]*\.md)\b")


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows, so that what somebody has lying about counts for nothing."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as forges make them: small letters, punctuation dropped, spaces dashes."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(title: str) -> str:
    return PROTOCOL.split(f"# {title}\n", 1)[1].split("\n#", 1)[0]


def fields_by_type(schema: dict[str, object]) -> dict[str, set[str]]:
    """Frame type → its fields, without `type` and `ref`, which every frame may have."""
    found: dict[str, set[str]] = {}
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    for definition in definitions.values():
        properties = definition.get("properties", {})
        kind = properties.get("type", {}).get("const")
        if kind:
            found.setdefault(kind, set()).update(set(properties) - {"type", "ref"})
    return found


@pytest.mark.parametrize(
    ("title", "schema"),
    [
        ("Client → server", CLIENT_FRAME.json_schema(by_alias=True)),
        ("Server → client", SERVER_FRAME.json_schema(by_alias=True, mode="serialization")),
    ],
    ids=["client", "server"],
)
def test_every_frame_and_field_stands_in_its_table(title: str, schema: dict[str, object]) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*)$", section(title), re.MULTILINE))
    frames = fields_by_type(schema)
    assert set(rows) == set(frames)
    for kind, fields in frames.items():
        named = set(re.findall(r"`(\w+)\??`", rows[kind]))
        assert fields - named == set(), f"`{kind}` has fields that its row does not name"


def test_the_documented_codes_are_those_of_the_one_table() -> None:
    listed = PROTOCOL[PROTOCOL.index("<!-- codes:") : PROTOCOL.index("<!-- /codes -->")].split("-->", 1)[1]
    codes = dict(re.findall(r"`(\w+)`(\*?)", listed))
    assert codes == {str(code): "*" if code.retryable else "" for code in ErrorCode}


def test_the_documented_close_codes_are_those_that_homin_coined() -> None:
    rows = {int(code) for code in re.findall(r"^\| (\d{4}) \|", section("Close codes"), re.MULTILINE)}
    assert rows == {int(code) for code in CloseCode if code >= 4000}


def test_every_metric_that_an_operator_is_told_to_watch_exists() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text().split("# Numbers to watch", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"^\| `(\w+)(?:\{\w+\})?` \|", operations, re.MULTILINE))
    sources = "".join(path.read_text() for path in tracked("services/*.py", "shared/*.py"))
    made = set(re.findall(r'(?:counter|gauge|histogram)\(\s*"(\w+)"', sources))
    assert len(named) > 5
    assert named - made == set()


@pytest.mark.parametrize("document", tracked("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    for target in LINK.findall(text):
        name, _, anchor = target.partition("#")
        place = (document.parent / name).resolve() if name else document
        assert place.exists(), target
        if anchor and place.suffix == ".md":
            assert anchor in anchors(place.read_text()), target


def test_every_document_that_the_code_names_is_in_the_repository() -> None:
    sources = tracked("*.py", "*.ts", "*.svelte", "*.css", "*.mjs", "shared/*.json", "Makefile", "deploy/*", "tools/*")
    there = {path.name for path in tracked("*.md")} | {"NOTES.md"}  # which a release makes
    named = {(path, name) for path in sources for name in NAMED.findall(path.read_text(errors="ignore"))}
    missing = [f"{path.relative_to(ROOT)}: {name}" for path, name in named if Path(name).name not in there]
    assert len(sources) > 100
    assert len(named) > 20
    assert sorted(missing) == []


def test_every_place_that_the_glossary_names_is_there() -> None:
    rows = [
        line.split("|") for line in (ROOT / "docs" / "glossary.md").read_text().splitlines() if line.startswith("| ")
    ]
    assert len(rows) > 30
    for row in rows[1:]:
        last = ""
        for place in re.findall(r"`([^`]+)`", row[4]):
            found = [*ROOT.glob(place)] or [*(ROOT / Path(last).parent).glob(place)] or [*ROOT.glob(f"**/{place}")]
            assert found, f"{row[1].strip()}: {place}"
            last = place
