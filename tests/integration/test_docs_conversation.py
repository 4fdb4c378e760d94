"""docs/protocol.md shows the bytes of one whole conversation. They are played here, line by line."""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack
from pathlib import Path

from tests.integration.gateway_deployment import deployed
from tests.integration.wire import Wire

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
LINE = re.compile(r"^(?P<who>olena|taras) (?P<way>[<>]) (?P<frame>\{.*\})$", re.MULTILINE)
# What differs each time: it stands in the document as the word between < and >.
VARYING = [
    (re.compile(rb'"(token|session|epoch|me)":"[^"]*"'), rb'"\1":"<\1>"'),
    (re.compile(rb'"(at|edited_at|expires_at)":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"'), rb'"\1":"<time>"'),
    (re.compile(rb'"u-(olena|taras)"'), rb'"<\1>"'),
]


def conversation() -> list[tuple[str, str, str]]:
    text = DOCUMENT.read_text()
    between = text[text.index("<!-- conversation -->") : text.index("<!-- /conversation -->")]
    return [(m["who"], m["way"], m["frame"]) for m in LINE.finditer(between)]


def as_documented(frame: bytes) -> str:
    for pattern, word in VARYING:
        frame = pattern.sub(word, frame)
    return frame.decode().replace('"name":"olena"', '"name":"Olena"').replace('"name":"taras"', '"name":"Taras"')


async def test_the_conversation_in_the_document_is_what_goes_over_the_wire(tmp_path: Path) -> None:
    lines = conversation()
    assert len(lines) > 30
    async with deployed(tmp_path) as home, AsyncExitStack() as stack:
        people: dict[str, Wire] = {}
        for who in ("olena", "taras"):
            people[who] = await stack.enter_async_context(home.wire())
        for who, way, frame in lines:
            if way == ">":
                await people[who].text(frame.replace("<token>", home.token(who)).encode())
            else:
                while "present" in (heard := await people[who].frame()):
                    pass  # who is there, told anew as a whole: at any time
                got = json.dumps(heard, ensure_ascii=False, separators=(",", ":"))
                assert as_documented(got.encode()) == frame
        for wire in people.values():
            await wire.works()  # and nothing else was said
