"""The page as one process serves it: compressed where the browser takes it, and sent again only when it changed."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from services.standalone.page import Page, accepted

SCRIPT = "assets/index-C6VTkCmO.js"
PACKED = {"": b"plain", ".br": b"as brotli", ".gz": b"as gzip"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    for name in ("index.html", SCRIPT):
        for end, content in PACKED.items():
            (tmp_path / f"{name}{end}").write_bytes(content)
    (tmp_path / "assets/font.woff2").write_bytes(b"a font")
    return tmp_path


async def get(built: Path, path: str, taken: str, **headers: str) -> httpx.Response:
    """The answer; its content as it was sent, since the coded bytes here are no real ones."""
    app = Starlette(routes=Page(str(built)).routes)
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client,
        client.stream("GET", path, headers={"Accept-Encoding": taken, **headers}) as answer,
    ):
        answer.extensions["sent"] = b"".join([part async for part in answer.aiter_raw()])
        return answer


@pytest.mark.parametrize(
    ("taken", "coding", "sent"),
    [
        ("gzip, deflate, br, zstd", "br", b"as brotli"),
        ("gzip, deflate", "gzip", b"as gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", b"as gzip"),
        ("identity", None, b"plain"),
    ],
)
@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), (f"/{SCRIPT}", "text/javascript")])
async def test_a_text_goes_out_as_the_browser_takes_it(
    built: Path, path: str, kind: str, taken: str, coding: str | None, sent: bytes
) -> None:
    answer = await get(built, path, taken)
    assert answer.extensions["sent"] == sent
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Content-Length"] == str(len(sent))
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.headers["Vary"] == "Accept-Encoding"


async def test_what_has_no_compressed_form_goes_out_as_it_is(built: Path) -> None:
    answer = await get(built, "/assets/font.woff2", "gzip, br")
    assert (answer.extensions["sent"], answer.headers.get("Content-Encoding")) == (b"a font", None)


async def test_names_with_a_digest_last_and_the_page_is_asked_for_each_time(built: Path) -> None:
    lasting = "public, max-age=31536000, immutable"
    first = await get(built, f"/{SCRIPT}", "br")
    again = await get(built, f"/{SCRIPT}", "br", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.extensions["sent"]) == (304, b"")
    assert [each.headers["Cache-Control"] for each in (first, again)] == [lasting, lasting]
    assert again.headers["Vary"] == "Accept-Encoding"
    assert (await get(built, "/", "br")).headers["Cache-Control"] == "no-cache"


async def test_each_form_has_a_tag_of_its_own(built: Path) -> None:
    tags = {(await get(built, "/", taken)).headers["ETag"] for taken in ("br", "gzip", "identity")}
    assert len(tags) == 3


async def test_another_page_of_the_same_length_and_time_is_another(built: Path) -> None:
    """As releases are packed: every file has the time 0, and only digests differ in index.html."""
    page = built / "index.html"
    os.utime(page, (0, 0))
    tag = (await get(built, "/", "identity")).headers["ETag"]
    other = built / "other"
    other.mkdir()
    (other / "index.html").write_bytes(b"PLAIN")
    os.utime(other / "index.html", (0, 0))
    answer = await get(other, "/", "identity", **{"If-None-Match": tag})
    assert (answer.status_code, answer.extensions["sent"]) == (200, b"PLAIN")


def test_a_coding_is_taken_unless_it_is_refused() -> None:
    assert accepted("GZIP , br ; q = 0.000, zstd;q=0.01") == {"gzip", "zstd"}
